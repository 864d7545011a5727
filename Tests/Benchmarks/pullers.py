"""Who pulls images. Each has `name`, and the methods `measure()` (one pull; what it took), `clear()` (removes what came) and
`close()`."""

import os
import resource
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

import measure
from places import STAMP_IMAGE
from subjects import Failed, PodAgent


class Watch:
    """The most memory that a process and all below it have at once, as PSS in KiB: looked at 20 times a second."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _look(self):
        while not self.over.wait(0.05):
            family = {pid: "all" for pid in _family(self.pid)}
            self.most = max(self.most, measure.memory(family).get("all", (0, 0))[1])


def _family(pid):
    found = [pid]
    for member in found:
        try:
            for thread in os.listdir(f"/proc/{member}/task"):
                with open(f"/proc/{member}/task/{thread}/children") as stream:
                    found += map(int, stream.read().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class Commands:
    """Programs that one after the other bring an image; they are all there is of the puller."""

    def __init__(self, work, options, registry, compression):
        self.work, self.registry, self.compression = work, registry, compression
        for tool in self.tools:
            if not shutil.which(tool):
                raise Failed(f"{tool} is not installed")
        os.makedirs(work)
        self.measure()
        self.clear()

    def measure(self):
        before, began, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
        for command in self.commands():
            with open(os.path.join(self.work, "log"), "wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)
                with Watch(process.pid) as watch:
                    code = process.wait()
            most = max(most, watch.most)
            if code != 0:
                with open(os.path.join(self.work, "log"), errors="replace") as log:
                    self.clear()
                    raise Failed(f"{command[0]}: {(log.read().strip().splitlines() or ['no message'])[-1]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"wall": time.monotonic() - began, "cpu": cpu, "memory": most}

    def clear(self):
        for name in os.listdir(self.work):
            if name != "log":
                shutil.rmtree(os.path.join(self.work, name))

    def close(self):
        self.clear()


class Floor(Commands):
    """What is the least: fetching, expanding and writing the files, with nothing verified or remembered. Three layers at a
    time, as podagent does."""

    name = "curl, gzip or zstd, tar"

    @property
    def tools(self):
        return ("curl", "tar", self.compression)

    def commands(self):
        base = f"http://{self.registry.host}/v2/bench/blobs"
        lines = []
        for number, layer in enumerate(self.registry.manifest("bench", "1")["layers"]):
            place = shlex.quote(os.path.join(self.work, str(number)))
            lines.append(f"mkdir {place}; curl -sf {base}/{layer['digest']} | {self.compression} -dc | tar xC {place}")
        return [["sh", "-c", 'printf "%s\\n" "$@" | xargs -P 3 -d "\\n" -n 1 sh -c', "sh", *lines]]


class SkopeoUmoci(Commands):
    """A copy of the image, which is then unpacked."""

    name = "skopeo copy, umoci unpack"
    tools = ("skopeo", "umoci")

    def commands(self):
        layout = os.path.join(self.work, "layout") + ":bench"
        source = f"docker://{self.registry.host}/bench:1"
        copy = ["skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "-q", source, f"oci:{layout}"]
        return [copy, ["umoci", "unpack", "--image", layout, os.path.join(self.work, "bundle")]]


class Podman(Commands):
    """podman on storage of its own."""

    name = "podman pull"
    tools = ("podman",)

    def __init__(self, *arguments):
        # podman takes at most 50 characters.
        self.runroot = tempfile.mkdtemp(prefix="podagent-images.", dir="/tmp")
        try:
            super().__init__(*arguments)
        except BaseException:
            self.close()
            raise

    def podman(self, *arguments):
        command = ["podman", "--runroot", self.runroot]
        for flag in ("root", "tmpdir"):
            command += [f"--{flag}", os.path.join(self.work, flag)]
        return command + list(arguments)

    def commands(self):
        return [self.podman("pull", "-q", "--tls-verify=false", f"{self.registry.host}/bench:1")]

    def clear(self):
        command = self.podman("rmi", "-f", f"{self.registry.host}/bench:1")
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def close(self):
        subprocess.run(["umount", "-l", os.path.join(self.work, "root/overlay")], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.runroot, ignore_errors=True)


class Agent:
    """A client that has the agent pull. Counted are the client, the agent and the processes that unpack."""

    name = "podagent image pull"

    def __init__(self, work, options, registry, compression):
        os.makedirs(work)
        self.agent = PodAgent(work, options.binary, STAMP_IMAGE)
        self.image = f"{registry.host}/bench:1"
        try:
            self.measure()
            self.clear()
        except BaseException:
            self.close()
            raise

    def run(self, *arguments):
        command = [self.agent.binary, "image", *arguments, "--socket", self.agent.socket]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise Failed(f"podagent image {arguments[0]}: {ran.stderr.strip()}")

    def measure(self):
        before, began = self.cpu_seconds(), time.monotonic()
        with Watch(self.agent.agent.pid) as watch:
            self.run("pull", self.image)
            wall = time.monotonic() - began
        return {"wall": wall, "cpu": self.cpu_seconds() - before, "memory": watch.most}

    def cpu_seconds(self):
        """Of the agent with the children that it has waited for, and of the clients."""
        with open(f"/proc/{self.agent.agent.pid}/stat") as stream:
            fields = stream.read().rpartition(")")[2].split()
        ours = resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + ours.ru_utime + ours.ru_stime

    def clear(self):
        self.run("rm", self.image)

    def close(self):
        self.agent.close()


KINDS = (Floor, Agent, SkopeoUmoci, Podman)
