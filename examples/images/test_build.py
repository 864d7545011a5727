"""What must hold of the example images. Run by `make test`; needs root (one test starts a program in a chroot)."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest

import build
from archive import Image, Layer, directory, docker_archive, file, hardlink, oci_archive


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: (tar.extractfile(m).read() if m.isreg() else None) for m in tar}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class ArchiveForms(unittest.TestCase):
    def setUp(self):
        layer = Layer({"/bin/b": file("b", 0o755), "/bin/a": hardlink("/bin/b"), "/tmp": directory(0o1777)}, "test")
        self.image = Image("localhost/test:1", (layer,), {"Cmd": ["b"]}, "amd64")
        self.layer = layer

    def test_an_oci_archive_names_every_blob_by_its_digest_and_size(self):
        files = members(oci_archive(self.image))
        for name, data in files.items():
            if name.startswith("blobs/sha256/") and data is not None:
                self.assertEqual(name, "blobs/sha256/" + sha256(data))
        (entry,) = json.loads(files["index.json"])["manifests"]
        manifest = json.loads(files["blobs/sha256/" + entry["digest"][7:]])
        for descriptor in [manifest["config"], *manifest["layers"]]:
            self.assertEqual(descriptor["size"], len(files["blobs/sha256/" + descriptor["digest"][7:]]))

    def test_the_diff_ids_are_of_the_layers_before_compression(self):
        files = members(oci_archive(self.image))
        (entry,) = json.loads(files["index.json"])["manifests"]
        manifest = json.loads(files["blobs/sha256/" + entry["digest"][7:]])
        config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"][7:]])
        layers = [gzip.decompress(files["blobs/sha256/" + layer["digest"][7:]]) for layer in manifest["layers"]]
        self.assertEqual(config["rootfs"]["diff_ids"], ["sha256:" + sha256(layer) for layer in layers])

    def test_a_docker_archive_names_its_config_layers_and_tag(self):
        files = members(docker_archive(self.image))
        (entry,) = json.loads(files["manifest.json"])
        self.assertEqual(entry["RepoTags"], ["localhost/test:1"])
        self.assertEqual(entry["Config"], sha256(files[entry["Config"]]) + ".json")
        diff_ids = json.loads(files[entry["Config"]])["rootfs"]["diff_ids"]
        self.assertEqual(diff_ids, ["sha256:" + sha256(files[layer]) for layer in entry["Layers"]])

    def test_a_layer_lists_directories_before_files_and_hard_links_after_what_they_name(self):
        with tarfile.open(fileobj=io.BytesIO(self.layer.tar)) as tar:
            self.assertEqual([m.name for m in tar], ["bin", "bin/b", "tmp", "bin/a"])
            self.assertEqual(tar.getmember("tmp").mode, 0o1777)


class Images(unittest.TestCase):
    def test_two_builds_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            for name, make in build.IMAGES.items():
                with self.subTest(name):
                    self.assertEqual(sha256(make(build.Builder(first))), sha256(make(build.Builder(second))))

    def test_the_programs_find_their_libraries_in_the_image(self):
        commands = {"busybox": ["/bin/sh", "-c", "true"], "nginx": ["/usr/sbin/nginx", "-v"], "curl": ["/usr/bin/curl", "-V"]}
        with tempfile.TemporaryDirectory() as work:
            for name, command in commands.items():
                root = os.path.join(work, name + "-root")
                for layer in self.layers(build.IMAGES[name](build.Builder(work))):
                    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                        tar.extractall(root)
                with self.subTest(name):
                    ran = subprocess.run(["chroot", root, *command], capture_output=True, text=True, check=False)
                    self.assertEqual(ran.returncode, 0, ran.stderr)

    def layers(self, archive):
        files = members(archive)
        if "index.json" not in files:
            return [files[layer] for layer in json.loads(files["manifest.json"])[0]["Layers"]]
        (entry,) = json.loads(files["index.json"])["manifests"]
        manifest = json.loads(files["blobs/sha256/" + entry["digest"][7:]])
        return [gzip.decompress(files["blobs/sha256/" + layer["digest"][7:]]) for layer in manifest["layers"]]


if __name__ == "__main__":
    unittest.main()
