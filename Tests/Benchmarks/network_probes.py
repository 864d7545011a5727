"""How punctually a node asks over the network, and what that costs: many containers, each asked every second.

All of them are asked at one server of the measurement's (arrivals.c), each at an address of its own in 127.0.0.0/8, by
which their questions are told apart there. A question is due a whole number of seconds after the first; the one that
came soonest after its time sets the zero, so what is constant on the way (a connection's handshake) is no lateness."""

import array
import contextlib
import ipaddress
import os
import time

import measure
from namespaces import Namespace
from places import STAMP_IMAGE, compile_program
from subjects import IMAGE, Failed, PodAgent

AIM_MS = 5
CONTAINERS_PER_POD = 10
PORT = 18080
SETTLE_SECONDS = 3
FIRST_ADDRESS = int(ipaddress.IPv4Address("127.1.0.1"))

# What a container is asked, given the address.
KINDS = {
    "tcpSocket": lambda host: {"tcpSocket": {"host": host, "port": PORT}},
    "httpGet": lambda host: {"httpGet": {"host": host, "port": PORT, "path": "/healthz"}},
}


def run(work, options):
    server = compile_program("arrivals", work)
    return {kind: _measure(os.path.join(work, kind), server, kind, options) for kind in KINDS}


def _measure(work, server, kind, options):
    count = -(-options.probes // CONTAINERS_PER_POD) * CONTAINERS_PER_POD
    pods = [f"asked-{number}" for number in range(count // CONTAINERS_PER_POD)]
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(contextlib.closing(Namespace()))
        agent = stack.enter_context(contextlib.closing(PodAgent(work, options.binary, STAMP_IMAGE, place)))
        records = os.path.join(work, "arrivals")
        asked = stack.enter_context(contextlib.closing(place.start(server, PORT, records, ready="ready")))
        for number, pod in enumerate(pods):
            agent.apply(pod, _manifest(agent, pod, number * CONTAINERS_PER_POD, kind))
        agent.wait_until_ready(pods)
        time.sleep(SETTLE_SECONDS)
        began, before = time.monotonic(), measure.cpu_seconds([agent.agent.pid])
        time.sleep(options.seconds)
        ended, after = time.monotonic(), measure.cpu_seconds([agent.agent.pid])
        restarts = agent.restarts()
        asked.process.terminate()
        asked.process.wait()
        late, bare = _lateness(records, began, ended)
        if restarts or len(late) < 0.99 * count * (ended - began - 1):
            raise Failed(f"{kind}: {len(late)} questions in {ended - began:.0f} s, {restarts} restarts")
        cores = (after - before) / (ended - began)
        return {"probes": count, "seconds": ended - began, "late_ms": late, "bare_ms": bare, "cores": cores}


def _manifest(agent, pod, first, kind):
    containers = [
        {
            "name": f"c{number}",
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/stamp", f"/out/{pod}"],
            "volumeMounts": [{"name": "out", "mountPath": "/out"}],
            "livenessProbe": KINDS[kind](str(ipaddress.IPv4Address(FIRST_ADDRESS + first + number)))
            | {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 30},
        }
        for number in range(CONTAINERS_PER_POD)
    ]
    volumes = [{"name": "out", "hostPath": {"path": agent.out, "type": "Directory"}}]
    spec = {"terminationGracePeriodSeconds": 1, "containers": containers, "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": "default"}, "spec": spec}


def _lateness(records, began, ended):
    """Milliseconds by which each question between two moments came too late; and by which a bare timer did meanwhile."""
    numbers = array.array("Q")
    with open(records, "rb") as stream:
        numbers.frombytes(stream.read())
    by_address, bare = {}, []
    for at, address in zip(numbers[0::2], numbers[1::2]):
        if address == 0:
            bare.append(at / 1e6)
        elif began <= at / 1e9 <= ended:
            by_address.setdefault(address, []).append(at)
    late = []
    for times in by_address.values():
        # From the first on; one that was left out does not move those after it.
        offsets = [(at - times[0] + 500_000_000) % 1_000_000_000 - 500_000_000 for at in times]
        late += [(offset - min(offsets)) / 1e6 for offset in offsets]
    return late, bare


def report(figures):
    lines = [
        "**Probes over the network.** Each container asked every second; how late the question came to the server:",
        "",
        f"| | probes a second | late, p50 | p99 (aim < {AIM_MS} ms) | most | a bare timer, p99 | podagent, cores | one probe |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, figure in figures.items():
        late = figure["late_ms"]
        times = " | ".join(f"{value:.2f} ms" for value in (
            measure.percentile(late, 0.5), measure.percentile(late, 0.99), max(late)))
        bare = measure.percentile(figure["bare_ms"], 0.99)
        rate = len(late) / figure["seconds"]
        lines.append(
            f"| {kind} | {rate:.0f} | {times} | {bare:.2f} ms | {figure['cores']:.3f} | {1e6 * figure['cores'] / rate:.0f} µs |")
    return "\n".join(lines)
