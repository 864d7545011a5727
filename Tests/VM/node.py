"""The guest as an administrator sees it: through systemctl, podagent's command line, /proc and the cgroup tree."""

import json
import re
import time

from base import Failed

UNIT = "podagent.service"
NAME = "node-1"

# Every process in the cgroup of a Pod, wherever the Pods' tree is: its cgroup, PID and start time in clock ticks
# since boot (proc_pid_stat(5), field 22, the 20th after the name, which may hold anything).
PROCESSES = r"""
find /sys/fs/cgroup -mindepth 2 -name cgroup.procs | while read -r file; do
    case $file in */pod????????????????????????????????/*) ;; *) continue ;; esac
    while read -r pid; do
        stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
        set -- ${stat##*) }
        echo "${file%/cgroup.procs} $pid ${20}"
    done <"$file"
done
"""


class Node:
    """The guest, asked in one word."""

    def __init__(self, machine):
        self.machine = machine

    def sh(self, script, seconds=60):
        """The output of a script that must succeed."""
        result = self.machine.run(script, seconds)
        if result.code != 0:
            raise Failed(f"in the guest, `{script.strip()}` ended with {result.code}: {result.output}")
        return result.output

    def unit(self, name):
        """A property of the unit, as systemd has it."""
        return self.sh(f"systemctl show --value -p {name} {UNIT}")

    def until(self, script, seconds=30):
        """Runs a script until it succeeds; whether it did in time, and what it said last."""
        deadline = time.monotonic() + seconds
        while True:
            result = self.machine.run(script, seconds)
            if result.code == 0 or time.monotonic() > deadline:
                return result
            time.sleep(0.1)

    def answers(self, seconds=30):
        """Waits until the agent answers on its socket, after a start that no systemctl waits for."""
        return self.until("curl -sSf --unix-socket /run/podagent/podagent.sock http://localhost/healthz", seconds)

    def pods(self):
        """The Pods by name, without the node's name behind it, as `podagent get pods -o json` shows them."""
        items = json.loads(self.sh("podagent get pods -o json"))["items"]
        return Pods({item["metadata"]["name"].removesuffix(f"-{NAME}"): item for item in items})

    def processes(self):
        """The first process of each cgroup of a Pod: {cgroup below its Pod's: (PID, start time)}."""
        found = {}
        for line in self.sh(PROCESSES).splitlines():
            path, pid, started = line.rsplit(" ", 2)
            key = re.search(r"/pod[^/]{32}/.*", path).group()
            found[key] = min(found.get(key, (int(pid), int(started))), (int(pid), int(started)), key=lambda p: p[1])
        return found

    def snapshot(self):
        """What must not change when the agent comes and goes."""
        containers = {
            (name, entry["name"]): [entry.get(key) for key in ("containerID", "restartCount", "ready", "state")]
            for name, pod in self.pods().items()
            for entry in pod["status"].get("containerStatuses", [])
        }
        return {"processes": self.processes(), "containers": containers}


class Pods(dict):
    """Pods by name. To ask for one that there is not ends the run."""

    def __missing__(self, name):
        raise Failed(f"podagent shows no Pod {name}, only {', '.join(self) or 'none'}")


def status(pod, container=None):
    """The status of a Pod's container; of its first one, if none is named."""
    for entry in pod["status"].get("containerStatuses", []):
        if container in (None, entry["name"]):
            return entry
    raise Failed(f"podagent shows no container {container or 'at all'} of {pod['metadata']['name']}")


def difference(before, after):
    """The first thing in which two snapshots differ, in words; empty if they agree."""
    for kind in before:
        for key in sorted(before[kind].keys() | after[kind].keys(), key=str):
            if before[kind].get(key) != after[kind].get(key):
                return f"{kind} {key}: was {before[kind].get(key)}, is {after[kind].get(key)}"
    return ""
