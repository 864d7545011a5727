"""Finds the programs that go into the example images: Debian's own, from this machine or from its archive.

What is installed is copied. What is not is downloaded and unpacked into a private directory, and never
installed: `nginx` would start a web server on this machine, and `busybox-static` would push out `busybox`.
"""

import glob
import os
import platform
import re
import subprocess
import sys

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Missing(Exception):
    """Something that an image is made from is not to be had; the text says what to do."""


def architecture():
    """This machine's architecture in the words of the OCI image specification (Go's GOARCH)."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise Missing(f"no example images for {machine}: add it to ARCHITECTURES in {__file__}")
    return ARCHITECTURES[machine]


class Archive:
    """Debian packages, installed here or unpacked below `directory`."""

    def __init__(self, directory):
        self.directory = directory

    def file(self, package, path):
        """A file of a package, by its path: the installed one, or one unpacked for this purpose."""
        if self._installed(package) and os.path.exists(path):
            return os.path.realpath(path)
        unpacked = os.path.join(self.directory, package)
        if not os.path.exists(os.path.join(unpacked, "VERSION")):
            self._unpack(package, unpacked)
        # Newer releases ship in /usr what older ones ship in /bin.
        for candidate in (unpacked + path, unpacked + "/usr" + path):
            if os.path.exists(candidate):
                return candidate
        raise Missing(f"Debian's package {package} has no {path} in this release")

    def version(self, package):
        """The version of the package that `file` takes from, as Debian writes it."""
        if self._installed(package):
            return _output("dpkg-query", "-W", "-f", "${Version}", package)
        with open(os.path.join(self.directory, package, "VERSION")) as stream:
            return stream.read()

    def _installed(self, package):
        status = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True, check=False
        )
        return status.stdout == "install ok installed"

    def _unpack(self, package, destination):
        os.makedirs(destination, exist_ok=True)
        print(f"images: fetching Debian's {package}", file=sys.stderr)
        if not self._download(package, destination):
            # The package lists may be absent or old; that is worth one update.
            subprocess.run(["apt-get", "update", "-qq"], check=False)
            if not self._download(package, destination):
                raise Missing(f"cannot download Debian's package {package}: `apt-get download {package}` fails")
        (deb,) = glob.glob(os.path.join(destination, "*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb, destination], check=True)
        with open(os.path.join(destination, "VERSION"), "w") as stream:
            stream.write(_output("dpkg-deb", "-f", deb, "Version"))
        os.unlink(deb)

    def _download(self, package, directory):
        # As root, apt fetches as the user _apt, who may not write here; it says so and goes on as root.
        command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
        return subprocess.run(command, cwd=directory, check=False).returncode == 0


def libraries(program):
    """The shared libraries of a program and its loader, as {path that it is looked up by: real file}."""
    found = {}
    for line in _output("ldd", program).splitlines():
        if "not found" in line:
            raise Missing(f"{program} needs {line.split()[0]}, which this machine lacks: install its package")
        # "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x...)", or the loader as a path of its own.
        match = re.search(r"(/\S+) \(0x", line)
        if match:
            found[match.group(1)] = os.path.realpath(match.group(1))
    return found


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
