"""Who is measured. Each subject lives in a private directory, starts stamp Pods there, and cleans up after itself.

A subject has `name`, `helpers` (the names of the processes that it keeps beside the containers), and the methods
`up(pod)` (returns the moment at which the clock starts, in seconds), `down(pod)` and `close()`.
"""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import inventory
import measure

IMAGE = "localhost/stamp:1"
END_PODS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../packaging/end-pods")


class Failed(Exception):
    """A subject cannot be measured; the text says why."""


def manifest(pod, out, ports=()):
    """A Pod whose container writes the time of its first instruction to OUT/POD and then waits.

    `ports` of the node lead to the same ones of the Pod."""
    container = {
        "name": "c",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/stamp", f"/out/{pod}"],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}],
    }
    if ports:
        container["ports"] = [{"containerPort": port, "hostPort": port} for port in ports]
    volume = {"name": "out", "hostPath": {"path": out, "type": "Directory"}}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": "default"}, "spec": spec}


class Subject:
    """The part that both have in common: a directory, and stamps below `out`."""

    def __init__(self, work):
        self.work = work
        self.out = self.directory("out")
        # Containers of any user write here.
        os.chmod(self.out, 0o1777)

    def directory(self, name):
        path = os.path.join(self.work, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write_manifest(self, pod, ports=()):
        return self.write_document(pod, manifest(pod, self.out, ports))

    def write_document(self, pod, document):
        path = os.path.join(self.directory("stage"), pod + ".json")
        with open(path, "w") as stream:
            json.dump(document, stream)
        return path

    def started(self, pod, patience_seconds=120):
        """The moment of the first instruction of the Pod's container, in seconds, once it has come."""
        moment = measure.stamp_time(os.path.join(self.out, pod), patience_seconds)
        if moment is None:
            raise Failed(f"{self.name}: the container of {pod} wrote no time stamp in {patience_seconds} s")
        return moment

    def start_ms(self, pod, ports=()):
        """Starts a Pod; returns what that takes, in milliseconds."""
        began = self.up(pod, ports)
        return 1000 * (self.started(pod) - began)


class PodAgent(Subject):
    """Our own: `podagent serve` on directories of its own. The clock starts when a manifest is renamed into place.

    `place` is the network namespace that it runs in, if not the machine's; see namespaces.py."""

    name = "podagent"
    helpers = ("podagent", "podshim", "pause")

    def __init__(self, work, binary, image, place=None, flags=()):
        super().__init__(work)
        self.binary, self.place, self.flags = binary, place, flags
        self.manifests = self.directory("manifests")
        self.socket = os.path.join(work, "podagent.sock")
        self.agent = None
        try:
            self.start()
            self.load(image)
        except BaseException:
            self.close()
            raise

    def load(self, image):
        command = [self.binary, "image", "load", "--socket", self.socket, image]
        loaded = subprocess.run(command, capture_output=True, text=True, check=False)
        if loaded.returncode != 0:
            raise Failed(f"podagent image load: {loaded.stderr.strip()}")

    def spawn(self):
        """Executes the agent."""
        places = {name: self.directory(name) for name in ("state", "run", "log")}
        command = [self.binary, "serve", "--node-name", "bench", "--manifests", self.manifests, "--socket", self.socket]
        for name, path in places.items():
            command += [f"--{name}-dir", path]
        command += self.flags
        if self.place:
            # nsenter(1) becomes the agent: it does not fork for a network namespace.
            command = self.place.enter(*command)
        if not os.access(self.binary, os.X_OK):
            raise Failed(f"there is no {self.binary}: run make release")
        with open(os.path.join(self.work, "podagent.log"), "ab") as log:
            # A session of its own: Ctrl-C is for the benchmark, which then stops the agent in good order.
            self.agent = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def start(self):
        """Starts the agent, or starts it again; returns once it answers."""
        self.spawn()
        deadline = time.monotonic() + 30
        while self.get("/healthz") is None:
            if self.agent.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"podagent serve does not answer; the end of its log: {self.log_tail()}")
            time.sleep(0.001)

    def get(self, path):
        """The body of an answer with status 200, or None."""
        status, body = self.ask(path)
        return body if status == 200 else None

    def ask(self, path):
        """Status and body of an answer; (None, b"") if there is none."""
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.connect(self.socket)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return None, b""
        finally:
            connection.close()

    def pods(self):
        """What the agent says about its Pods, as {name: what must not change while it is away}."""
        body = self.get("/api/v1/pods")
        if body is None:
            return None
        return {pod["metadata"]["name"]: _identity(pod) for pod in json.loads(body)["items"]}

    def up(self, pod, ports=()):
        return self.apply(pod, manifest(pod, self.out, ports))

    def apply(self, pod, document):
        staged = self.write_document(pod, document)
        began = time.time()
        os.rename(staged, os.path.join(self.manifests, pod + ".json"))
        return began

    def wait_until_ready(self, names, patience_seconds=120):
        """Returns when all these Pods are Ready."""
        wanted, deadline = {f"{name}-bench" for name in names}, time.monotonic() + patience_seconds
        while not wanted <= {pod["metadata"]["name"] for pod in self.documents() if _is_ready(pod)}:
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: not all of {len(wanted)} Pods get ready")
            time.sleep(0.2)

    def restarts(self):
        """How often containers have been restarted, all Pods together."""
        return sum(each["restartCount"] for pod in self.documents() for each in pod["status"]["containerStatuses"])

    def documents(self):
        """What the agent shows of its Pods."""
        return json.loads(self.get("/api/v1/pods") or '{"items": []}')["items"]

    def cgroup(self):
        """The name of the cgroup that all of its Pods are in, from the mount."""
        return inventory.cgroup_name(os.path.join(self.work, "run"))

    def down(self, pod):
        self.remove([pod])

    def remove(self, pods):
        """Has Pods removed at once; returns when all of them are gone."""
        for pod in pods:
            os.unlink(os.path.join(self.manifests, pod + ".json"))
        self.wait_until_gone(pods)

    def wait_until_gone(self, names, patience_seconds=120):
        """Static Pods bear the node's name: NAME-bench. Asks for one after the other, since the list of all would be
        work for the agent; and has patience for each."""
        for name in names:
            deadline = time.monotonic() + patience_seconds
            while self.ask(f"/api/v1/namespaces/default/pods/{name}-bench")[0] != 404:
                if time.monotonic() > deadline:
                    raise Failed(f"Pods do not go: {name}")
                time.sleep(0.01)

    def process(self, pod):
        """The container's process, which has written its stamp."""
        found = {each["metadata"]["name"]: each for each in json.loads(self.get("/api/v1/pods"))["items"]}
        uid = found[f"{pod}-bench"]["metadata"]["uid"]
        for pid, (name, _) in inventory.processes(f"{self.cgroup()}/pod{uid}").items():
            if name == "stamp":
                return pid
        raise Failed(f"{self.name}: {pod} has no process")

    def restart(self, expected):
        """Kills the agent, starts it again; returns seconds until it gives the same answer about its Pods as before."""
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        began = time.monotonic()
        self.start()
        while self.pods() != expected:
            if time.monotonic() - began > 60:
                raise Failed("after a restart the agent's answer about its Pods stays another one")
            time.sleep(0.001)
        return time.monotonic() - began

    def close(self):
        """Ends Pods by removing their files, then the agent. A Pod that does not go is killed."""
        names = [name.removesuffix(".json") for name in os.listdir(self.manifests)]
        for name in names:
            os.unlink(os.path.join(self.manifests, name + ".json"))
        try:
            if self.agent and self.agent.poll() is None:
                self.wait_until_gone(names)
                self.agent.terminate()
                self.agent.wait(timeout=10)
        except (Failed, subprocess.TimeoutExpired) as failure:
            print(f"bench: podagent does not stop in good order: {failure}", file=sys.stderr)
            self.agent.kill()
            self.agent.wait()
        left = subprocess.run([END_PODS, os.path.join(self.work, "run")], capture_output=True, text=True, check=False)
        if left.stdout:
            print(f"bench: these Pods had to be killed: {left.stdout.split()}", file=sys.stderr)
        _remove(self.work)

    def log_tail(self):
        with open(os.path.join(self.work, "podagent.log"), errors="replace") as stream:
            return " / ".join(stream.read().splitlines()[-5:]) or "(empty)"


class Podman(Subject):
    """`podman kube play` on storage of its own; without a network, or in a `place` of its own (see namespaces.py) with
    the one that it has by default.

    The clock starts before podman does, as it would for somebody who waits for it."""

    name = "podman kube play"
    helpers = ("podman", "conmon", "catatonit")

    def __init__(self, work, image, place=None):
        super().__init__(work)
        self.place, self.pods = place, set()
        if not shutil.which("podman"):
            raise Failed("podman is not installed")
        self.environment = os.environ | {"CONTAINERS_CONF": self.configure()}
        self.command = ["podman"]
        for flag in ("root", "runroot", "tmpdir"):
            self.command += [f"--{flag}", self.directory(flag)]
        self.command += ["--network-config-dir", self.directory("networks")]
        self.command = place.enter(*self.command) if place else self.command
        try:
            self.run("load", "-q", "-i", image)
            self.up("probe")
            self.down("probe")
        except BaseException:
            self.close()
            raise

    def configure(self):
        """podman asks for more open files and processes than a machine without CAP_SYS_RESOURCE may give."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        tasks = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
        tasks = 32768 if tasks == resource.RLIM_INFINITY else tasks
        path = os.path.join(self.work, "containers.conf")
        with open(path, "w") as stream:
            stream.write(f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={tasks}:{tasks}"]\n')
            stream.write('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
        return path

    def run(self, *arguments):
        command = self.command + list(arguments)
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise Failed(f"podman {arguments[0]}: {(ran.stderr.strip().splitlines() or ['no message'])[-1]}")
        return ran.stdout

    def up(self, pod, ports=()):
        return self.apply(pod, manifest(pod, self.out, ports))

    def apply(self, pod, document):
        staged = self.write_document(pod, document)
        began = time.time()
        played = self.run("kube", "play", "--network", "podman" if self.place else "none", staged)
        # "Pod:" and its number, "Container:" and its number, each on a line of its own.
        self.pods.add(played.split()[1])
        return began

    def process(self, pod):
        """The container's process."""
        return int(self.run("container", "inspect", "--format", "{{.State.Pid}}", f"{pod}-c"))

    def down(self, pod):
        self.run("pod", "rm", "-f", "-t", "0", pod)

    def close(self):
        pods = []
        try:
            pods = self.run("pod", "ps", "-q", "--no-trunc").split()
            self.run("pod", "rm", "-a", "-f", "-t", "0")
        except Failed as failure:
            print(f"bench: {failure}", file=sys.stderr)
        _remove(self.work)
        self.remove_cgroups(self.pods | set(pods))

    def remove_cgroups(self, pods):
        """podman leaves its Pods' empty cgroups in each hierarchy, and their parent; one that is in use refuses to go."""
        for parent in (found for found, _, _ in os.walk("/sys/fs/cgroup") if found.endswith("/libpod_parent")):
            for path in [os.path.join(parent, pod) for pod in pods] + [parent]:
                try:
                    os.rmdir(path)
                except OSError:
                    pass


def _is_ready(pod):
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _identity(pod):
    statuses = pod["status"].get("containerStatuses", [])
    containers = [(s["name"], s.get("containerID"), s["restartCount"], s["state"]) for s in statuses]
    return (pod["metadata"]["uid"], pod["status"]["phase"], pod["status"].get("startTime"), containers)


def _remove(work):
    """Unmounts what is still mounted below a directory, the innermost first, and removes it."""
    with open("/proc/self/mountinfo") as stream:
        points = [line.split()[4] for line in stream]
    for point in reversed([point for point in points if point.startswith(work + "/")]):
        subprocess.run(["umount", "-l", point], check=False)
    shutil.rmtree(work)
