"""Pulls of one image by one program after the other: wall time, processor time, memory."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile

import measure
import pullers
from registry import Registry
from subjects import Failed

SOURCES = ("/usr/lib", "/usr/share")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Part:
    """One form of the image: how its layers are compressed, and how many they are."""

    def __init__(self, compression, layers):
        self.compression, self.layers = compression, layers

    def run(self, work, options):
        for tool in ("skopeo", "docker-registry"):
            if not shutil.which(tool):
                raise Failed(f"{tool} is not installed: run make deps")
        image = Image(os.path.join(work, "layout"), options.megabytes << 20, self.layers)
        with Registry(os.path.join(work, "registry")) as registry:
            registry.push(image.layout, "bench:1", self.compression)
            shutil.rmtree(image.layout)
            figures = _pulls(work, options, registry, self.compression)
            return {
                "compression": self.compression,
                "layers": self.layers,
                "unpacked": image.bytes,
                "packed": sum(layer["size"] for layer in registry.manifest("bench", "1")["layers"]),
                "files": image.files,
                "pulls": figures,
            }

    def report(self, figures):
        size = figures["unpacked"] / 1e6
        lines = [
            f"{size:.0f} MB in {figures['files']} files, {figures['layers']} layer{'s' * (figures['layers'] > 1)}, "
            f"{figures['packed'] / 1e6:.0f} MB as {figures['compression']}:",
            "",
            "| | wall time | processor time | most memory | unpacked |",
            "|---|---|---|---|---|",
        ]
        for name, pulls in figures["pulls"].items():
            walls, cpus, memories = ([pull[key] for pull in pulls] for key in ("wall", "cpu", "memory"))
            rate = size / sorted(walls)[len(walls) // 2]
            lines.append(
                f"| {name} | {measure.spread(walls, 2)} s | {measure.spread(cpus, 2)} s "
                f"| {max(memories) / 1024:.0f} MiB | {rate:.0f} MB/s |"
            )
        return "\n".join(lines)


def _pulls(work, options, registry, compression):
    """What each pull took, by the name of who pulled. Who cannot is left out, with a word on why."""
    subjects, figures = [], {}
    try:
        for kind in pullers.KINDS:
            try:
                subjects.append(kind(os.path.join(work, kind.__name__.lower()), options, registry, compression))
            except Failed as failure:
                print(f"images: {kind.name} left out: {failure}", file=sys.stderr)
        for _ in range(options.runs):
            for subject in subjects:
                os.sync()
                figures.setdefault(subject.name, []).append(subject.measure())
                subject.clear()
    finally:
        for subject in subjects:
            subject.close()
    return figures


class Image:
    """An image made of files of this machine, as an OCI layout. The same machine makes the same one each time."""

    def __init__(self, layout, size, layers):
        self.layout, self.bytes, self.files = layout, 0, 0
        os.makedirs(os.path.join(layout, "blobs/sha256"))
        chosen = self._choose(size)
        share = -(-len(chosen) // layers)
        descriptors, digests = [], []
        for start in range(0, len(chosen), share):
            archive = os.path.join(layout, "layer")
            self._archive(archive, chosen[start : start + share])
            descriptors.append(self._keep(archive, LAYER))
            digests.append(descriptors[-1]["digest"])
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        config = {"architecture": machine, "os": "linux", "config": {"Cmd": ["/bin/true"]}}
        config["rootfs"] = {"type": "layers", "diff_ids": digests}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": descriptors}
        manifest["config"] = self._keep_document(config, CONFIG)
        listed = self._keep_document(manifest, MANIFEST)
        listed["annotations"] = {"org.opencontainers.image.ref.name": "bench"}
        self._write("index.json", {"schemaVersion": 2, "manifests": [listed]})
        self._write("oci-layout", {"imageLayoutVersion": "1.0.0"})

    def _choose(self, size):
        """Regular files in the order of their names, until they are as much as wanted."""
        chosen, total = [], 0
        for source in SOURCES:
            for directory, directories, names in os.walk(source):
                directories.sort()
                for name in sorted(names):
                    path = os.path.join(directory, name)
                    # A huge one would make layers of all sizes.
                    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 32 << 20:
                        continue
                    chosen.append(path)
                    total += os.path.getsize(path)
                    if total >= size:
                        return chosen
        return chosen

    def _archive(self, archive, paths):
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            made = set()
            for path in paths:
                self._add_directories(tar, os.path.dirname(path), made)
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode, entry.mtime = os.path.getsize(path), 0o644, 1_000_000_000
                with open(path, "rb") as stream:
                    tar.addfile(entry, stream)
                self.bytes += entry.size
                self.files += 1

    def _add_directories(self, tar, path, made):
        if path in made or path == "/":
            return
        self._add_directories(tar, os.path.dirname(path), made)
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, 1_000_000_000
        tar.addfile(entry)
        made.add(path)

    def _keep(self, path, kind):
        """Moves a file among the blobs; its descriptor."""
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = os.path.getsize(path)
        os.rename(path, os.path.join(self.layout, "blobs/sha256", digest))
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}

    def _keep_document(self, document, kind):
        return self._keep(self._write("document", document), kind)

    def _write(self, name, document):
        path = os.path.join(self.layout, name)
        with open(path, "w") as stream:
            json.dump(document, stream)
        return path
