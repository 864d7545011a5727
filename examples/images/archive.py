"""Writes container image archives, reproducibly: the same files in give the same bytes out.

Two of the forms that people carry images about in are written here, both single tar files:

- an *OCI archive*: an OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/...`), layers gzipped;
- a *docker-archive*, as `docker save` writes it: `manifest.json` naming a config and plain layer tars.

The OCI image specification says what the JSON means (image-layout.md, manifest.md, config.md).
"""

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile
import time

# Every file of every image carries this time: 2026-01-01 00:00:00 UTC.
EPOCH = 1767225600


@dataclasses.dataclass(frozen=True)
class Node:
    """One file of a layer. `link` is the target of a symbolic link, or of a hard link (a path in the layer)."""

    kind: bytes
    mode: int
    data: bytes = b""
    link: str = ""
    uid: int = 0
    gid: int = 0


def directory(mode=0o755, uid=0, gid=0):
    return Node(tarfile.DIRTYPE, mode, uid=uid, gid=gid)


def file(data, mode=0o644):
    return Node(tarfile.REGTYPE, mode, data if isinstance(data, bytes) else data.encode())


def program(path):
    with open(path, "rb") as source:
        return file(source.read(), 0o755)


def symlink(target):
    return Node(tarfile.SYMTYPE, 0o777, link=target)


def hardlink(target):
    return Node(tarfile.LNKTYPE, 0o755, link=target.lstrip("/"))


class Layer:
    """A tree of files as one layer: an uncompressed tar, and its digest (the diff ID of the image config)."""

    def __init__(self, nodes, comment):
        self.comment = comment
        self.tar = _tar(_with_parents(nodes))
        self.diff_id = digest(self.tar)


@dataclasses.dataclass(frozen=True)
class Image:
    """An image: its full reference, its layers from the bottom up, and the run-time half of its config."""

    reference: str
    layers: tuple
    config: dict
    architecture: str

    def config_blob(self):
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))
        history = [{"created": created, "created_by": layer.comment} for layer in self.layers]
        return canonical(
            {
                "created": created,
                "architecture": self.architecture,
                "os": "linux",
                "config": self.config,
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
                "history": history,
            }
        )


def oci_archive(image):
    """The image as an OCI archive. The name stands in both annotations that tools look for."""
    blobs = {}

    def descriptor(media_type, blob, **more):
        blobs["blobs/sha256/" + digest(blob).removeprefix("sha256:")] = blob
        return {"mediaType": media_type, "digest": digest(blob), "size": len(blob), **more}

    layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", image.config_blob()),
        "layers": [descriptor(layer_type, gzip.compress(layer.tar, 6, mtime=0)) for layer in image.layers],
    }
    names = {
        "io.containerd.image.name": image.reference,
        "org.opencontainers.image.ref.name": image.reference,
    }
    entry = descriptor(
        manifest["mediaType"],
        canonical(manifest),
        annotations=names,
        platform={"architecture": image.architecture, "os": "linux"},
    )
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    }
    files = {"oci-layout": canonical({"imageLayoutVersion": "1.0.0"}), "index.json": canonical(index), **blobs}
    return _tar(_with_parents({"/" + name: file(data) for name, data in files.items()}))


def docker_archive(image):
    """The image as a docker-archive."""
    config = image.config_blob()
    config_name = digest(config).removeprefix("sha256:") + ".json"
    layers = {layer.diff_id.removeprefix("sha256:") + ".tar": layer.tar for layer in image.layers}
    manifest = [{"Config": config_name, "RepoTags": [image.reference], "Layers": list(layers)}]
    files = {"manifest.json": canonical(manifest), config_name: config, **layers}
    return _tar({"/" + name: file(data) for name, data in files.items()})


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _with_parents(nodes):
    """Adds the directories that the paths stand in, so that a layer says what mode each one has."""
    whole = dict(nodes)
    for path in nodes:
        parts = path.strip("/").split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            whole.setdefault("/" + "/".join(parts[:depth]), directory())
    return whole


def _tar(nodes):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # Hard links go last: the file that they name has to be there before them.
        for path in sorted(nodes, key=lambda path: (nodes[path].kind == tarfile.LNKTYPE, path)):
            node = nodes[path]
            member = tarfile.TarInfo(path.lstrip("/"))
            member.type, member.mode, member.linkname = node.kind, node.mode, node.link
            member.uid, member.gid, member.mtime, member.size = node.uid, node.gid, EPOCH, len(node.data)
            tar.addfile(member, io.BytesIO(node.data) if node.data else None)
    return stream.getvalue()
