"""What a node pays for exec probes: Pods with one container each, which is asked by a command every second."""

import contextlib
import os
import time

import inventory
import measure
from places import BUSYBOX_IMAGE
from subjects import Failed, PodAgent

AIM_CORES = 0.12
SETTLE_SECONDS = 5

PROBE = {"exec": {"command": ["/bin/true"]}, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 30}


def run(work, options):
    """Cores used, by who used them. The probes' own processes are in their containers' cgroups, which sleep otherwise."""
    pods = [f"exec-{number}" for number in range(options.pods)]
    with contextlib.closing(PodAgent(work, options.binary, BUSYBOX_IMAGE)) as agent:
        for pod in pods:
            agent.apply(pod, _manifest(pod))
        agent.wait_until_ready(pods)
        time.sleep(SETTLE_SECONDS)
        began, births, before = time.monotonic(), measure.births(), _seconds(agent)
        time.sleep(options.seconds)
        wall, births, after = time.monotonic() - began, measure.births() - births, _seconds(agent)
        # The machine's own count: it cannot be fewer than the probes that were to be.
        if births < 0.95 * options.pods * wall or agent.restarts():
            raise Failed(f"{births} processes in {wall:.0f} s, {agent.restarts()} restarts: these were not all the probes")
        cores = {name: (after[name] - before[name]) / wall for name in after}
        return {"pods": options.pods, "seconds": wall, "cores": cores, "births": births}


def _manifest(pod):
    container = {
        "name": "c",
        "image": "busybox:1.36",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sleep", "100000"],
        "livenessProbe": PROBE,
    }
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": "default"}, "spec": spec}


def _seconds(agent):
    """Processor time so far. The kernel counts what has ended in a cgroup, too."""
    base = os.path.join(inventory.cgroup_mount(), agent.cgroup())
    pods = [os.path.join(base, name) for name in os.listdir(base) if name.startswith("pod")]
    shims = sum(measure.cgroup_seconds(os.path.join(pod, "shim")) for pod in pods)
    everything = sum(measure.cgroup_seconds(pod) for pod in pods)
    return {
        "podagent": measure.cpu_seconds([agent.agent.pid]),
        "podshims": shims,
        "the probes": everything - shims,
    }


def report(figure):
    total = sum(figure["cores"].values())
    parts = " | ".join(f"{cores:.3f}" for cores in figure["cores"].values())
    each = 1e6 * total / figure["pods"]
    return "\n".join([
        f"**Exec probes.** {figure['pods']} Pods, each asked by `/bin/true` every second, over {figure['seconds']:.0f} s, in cores:",
        "",
        f"| {' | '.join(figure['cores'])} | together | aim | one probe |",
        "|---" * (len(figure["cores"]) + 3) + "|",
        f"| {parts} | {total:.3f} | < {AIM_CORES} | {each:.0f} µs |",
    ])
