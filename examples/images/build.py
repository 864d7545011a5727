#!/usr/bin/env python3
"""Makes the images that the examples and the benchmark run, from Debian's packages and without a registry.

usage: build.py [--output DIR] [--work DIR] [NAME...]        NAME: busybox nginx curl stamp (default: all)

One tar file each. They bear the names that tutorials use, so that tutorials' Pods run as they stand; the
label `org.opencontainers.image.version` says which Debian version is really inside. Both archive forms are
made on purpose: busybox and stamp are docker-archives, nginx and curl are OCI archives.

Prints the path of each archive. Exit codes: 0 done, 1 something is missing, 2 wrong usage.
"""

import argparse
import os
import shutil
import subprocess
import sys

from archive import Image, Layer, directory, docker_archive, file, hardlink, oci_archive, program, symlink
from debian import Archive, Missing, architecture, libraries

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""

GROUP = """\
root:x:0:
daemon:x:1:
bin:x:2:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
"""

NGINX_CONF = """\
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log notice;

events {
    worker_connections 512;
}

http {
    default_type application/octet-stream;
    types {
        text/html html htm;
        text/plain txt log;
        text/css css;
        text/javascript js;
        application/json json;
        image/png png;
        image/jpeg jpg jpeg;
        image/svg+xml svg;
    }
    access_log /var/log/nginx/access.log;
    sendfile on;
    include /etc/nginx/conf.d/*.conf;
}
"""

NGINX_SITE = """\
server {
    listen 80 default_server;
    root /usr/share/nginx/html;
    index index.html index.htm;
}
"""

NGINX_PAGE = """\
<!DOCTYPE html>
<html>
<head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1></body>
</html>
"""


class Builder:
    """Makes each image once; the busybox layer at the bottom of all of them is made once too."""

    def __init__(self, work):
        self.work = work
        self.debian = Archive(os.path.join(work, "debian"))
        self.base = self._base_layer()

    def busybox(self):
        return docker_archive(self._image("docker.io/library/busybox:1.36", "busybox-static", [], {"Cmd": ["sh"]}))

    def nginx(self):
        config = {
            "Cmd": ["nginx", "-g", "daemon off;"],
            "ExposedPorts": {"80/tcp": {}},
            # nginx finishes the requests at hand on SIGQUIT and drops them on SIGTERM.
            "StopSignal": "SIGQUIT",
        }
        nodes = self._with_libraries("/usr/sbin/nginx", self.debian.file("nginx", "/usr/sbin/nginx"))
        nodes |= {
            "/etc/nginx/nginx.conf": file(NGINX_CONF),
            "/etc/nginx/conf.d/default.conf": file(NGINX_SITE),
            "/usr/share/nginx/html/index.html": file(NGINX_PAGE),
            "/var/lib/nginx": directory(),
            "/var/log/nginx/access.log": symlink("/dev/stdout"),
            "/var/log/nginx/error.log": symlink("/dev/stderr"),
        }
        layer = Layer(nodes, f"nginx {self.debian.version('nginx')} from Debian")
        return oci_archive(self._image("docker.io/library/nginx:1.22", "nginx", [layer], config))

    def curl(self):
        nodes = self._with_libraries("/usr/bin/curl", self.debian.file("curl", "/usr/bin/curl"))
        layer = Layer(nodes, f"curl {self.debian.version('curl')} from Debian")
        image = self._image("docker.io/curlimages/curl:7.88.1", "curl", [layer], {"Entrypoint": ["curl"]})
        return oci_archive(image)

    def stamp(self):
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang")
        if not compiler:
            raise Missing("stamp.c needs a C compiler: install gcc, or put Swift's clang on the PATH")
        binary = os.path.join(self.work, "stamp")
        source = os.path.join(REPOSITORY, "Tests/Benchmarks/stamp.c")
        subprocess.run([compiler, "-O2", "-static", "-s", "-o", binary, source], check=True)
        layer = Layer({"/bin/stamp": program(binary)}, "stamp.c of the benchmark")
        return docker_archive(self._image("localhost/stamp:1", "busybox-static", [layer], {"Cmd": ["sh"]}))

    def _image(self, reference, package, layers, config):
        labels = {
            "org.opencontainers.image.title": reference.rpartition("/")[2].partition(":")[0],
            "org.opencontainers.image.version": self.debian.version(package),
        }
        config = {"Env": [PATH], "Labels": labels, **config}
        return Image(reference, (self.base, *layers), config, architecture())

    def _base_layer(self):
        """busybox with a link for each of its applets in /bin, and the little of /etc that programs expect."""
        binary = self.debian.file("busybox-static", "/bin/busybox")
        applets = subprocess.run([binary, "--list"], check=True, capture_output=True, text=True).stdout.split()
        nodes = {f"/bin/{applet}": hardlink("/bin/busybox") for applet in applets if applet != "busybox"}
        nodes |= {
            "/bin/busybox": program(binary),
            "/usr/bin/env": symlink("../../bin/env"),
            "/etc/passwd": file(PASSWD),
            "/etc/group": file(GROUP),
            "/root": directory(0o700),
            "/run": directory(),
            "/tmp": directory(0o1777),
            "/var/tmp": directory(0o1777),
            "/var/www": directory(uid=33, gid=33),
        }
        return Layer(nodes, f"busybox-static {self.debian.version('busybox-static')} from Debian")

    def _with_libraries(self, path, binary):
        return {path: program(binary)} | {name: program(real) for name, real in libraries(binary).items()}


IMAGES = {"busybox": Builder.busybox, "nginx": Builder.nginx, "curl": Builder.curl, "stamp": Builder.stamp}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", default=os.path.join(REPOSITORY, ".build/images"), metavar="DIR")
    parser.add_argument("--work", metavar="DIR", help="for downloads; default: OUTPUT/work")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which images (default: all)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in IMAGES]
    if unknown:
        parser.error(f"no image called {unknown[0]}; there are: {' '.join(IMAGES)}")

    work = options.work or os.path.join(options.output, "work")
    os.makedirs(work, exist_ok=True)
    os.makedirs(options.output, exist_ok=True)
    try:
        builder = Builder(work)
        for name in options.names or IMAGES:
            write(os.path.join(options.output, name + ".tar"), IMAGES[name](builder))
    except Missing as missing:
        sys.exit(f"images: {missing}")


def write(path, data):
    """Replaces the file whole, so that nobody reads half an image; leaves it alone if nothing changed."""
    if not os.path.exists(path) or open(path, "rb").read() != data:
        with open(path + ".new", "wb") as stream:
            stream.write(data)
        os.rename(path + ".new", path)
    print(path)


if __name__ == "__main__":
    main()
