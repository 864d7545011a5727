"""Debian's docker-registry on a loopback port of its own, for as long as it takes."""

import http.client
import json
import os
import socket
import subprocess
import time

from subjects import Failed


class Registry:
    """Keeps what it is given below a private directory."""

    def __init__(self, work):
        self.work, self.process, self.host = work, None, ""

    def __enter__(self):
        os.makedirs(self.work)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        settings = os.path.join(self.work, "config.json")
        with open(settings, "w") as stream:
            # JSON is YAML.
            json.dump(
                {
                    "version": 0.1,
                    "log": {"level": "error", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": os.path.join(self.work, "storage")}},
                    "http": {"addr": self.host, "secret": "bench"},
                },
                stream,
            )
        with open(os.path.join(self.work, "log"), "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", settings], stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _wait(self):
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._get("/v2/")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"docker-registry does not answer: see {self.work}/log") from None
            time.sleep(0.01)

    def push(self, layout, name, compression):
        """Brings the image of an OCI layout there, compressed anew."""
        command = ["skopeo", "copy", "--insecure-policy", "--quiet", "--dest-tls-verify=false"]
        command += ["--dest-compress-format", compression, f"oci:{layout}:bench", f"docker://{self.host}/{name}"]
        copied = subprocess.run(command, capture_output=True, text=True, check=False)
        if copied.returncode != 0:
            raise Failed(f"skopeo copy: {copied.stderr.strip()}")

    def manifest(self, repository, tag):
        return json.loads(self._get(f"/v2/{repository}/manifests/{tag}"))

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
            return connection.getresponse().read()
        finally:
            connection.close()
