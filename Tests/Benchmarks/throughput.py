"""What passes between Pods, the node and a neighbour, beside the same paths without an agent: iperf3, and connections."""

import contextlib
import json
import os
import shutil
import statistics
import sys

import connects
import measure
from namespaces import Namespace, Place, wire
from places import STAMP_IMAGE, private_directory
from setup_cost import POD_CIDR
from subjects import Failed, PodAgent, Podman

STREAM_PORT, CONNECT_PORT = 5201, 5202
PORTS = (STREAM_PORT, CONNECT_PORT)
NODE, NEIGHBOUR, PREFIX = "192.0.2.1", "192.0.2.2", 24
# What a kernel of any distribution has. Others, such as bbr, limit themselves by what they believe of the path.
CONGESTION_CONTROL = "cubic"


class Path:
    """From a place to an address, and what was measured; `beside` is the path that it is compared with."""

    def __init__(self, name, client, address, beside=None):
        self.name, self.client, self.address, self.beside = name, client, address, beside
        self.gigabits, self.connect_us = [], []

    def probe(self):
        """Whether it leads anywhere; and whoever is on it then knows the way."""
        self._connect(1)

    def measure(self, options):
        stream = self.client.run(
            "iperf3", "--json", "-c", self.address, "-p", STREAM_PORT, "-t", options.seconds, "-C", CONGESTION_CONTROL
        )
        self.gigabits.append(json.loads(stream)["end"]["sum_received"]["bits_per_second"] / 1e9)
        self.connect_us.append(statistics.median(self._connect(options.connects)))

    def _connect(self, count):
        """Microseconds of each connection."""
        asked = self.client.run(sys.executable, "-B", connects.__file__, "ask", self.address, CONNECT_PORT, count)
        return [int(line) / 1000 for line in asked.split()]


def run(work, options):
    """Every path's figures, measured in turn, and who was left out and why."""
    if not shutil.which("iperf3"):
        raise Failed("iperf3 is not installed: run packaging/dependencies")
    with contextlib.ExitStack() as stack:
        paths = _bare(stack) + _podagent(stack, os.path.join(work, "podagent"), options)
        left_out = []
        try:
            paths += _podman(stack, options)
        except Failed as failure:
            left_out.append(f"podman: {failure}")
        for _ in range(options.rounds):
            for path in paths:
                path.measure(options)
        kept = ("name", "beside", "gigabits", "connect_us")
        figures = [{key: getattr(path, key) for key in kept} for path in paths]
    return {"paths": figures, "left_out": left_out, "seconds": options.seconds, "connects": options.connects}


def _serve(stack, *places):
    for place in places:
        listening = (
            (("iperf3", "-s", "-i", "0", "--forceflush", "-p", STREAM_PORT), "Server listening"),
            ((sys.executable, "-B", connects.__file__, "serve", CONNECT_PORT), "listening"),
        )
        for command, ready in listening:
            stack.enter_context(contextlib.closing(place.start(*command, ready=ready)))


def _namespace(stack):
    return stack.enter_context(contextlib.closing(Namespace()))


def _bare(stack):
    """The least that the kernel needs for it: a pair of links, a bridge, a node that forwards."""
    left, right = _namespace(stack), _namespace(stack)
    wire(left, right, addresses=(f"{NODE}/{PREFIX}", f"{NEIGHBOUR}/{PREFIX}"))

    node, one, other = _namespace(stack), _namespace(stack), _namespace(stack)
    node.run("ip", "link", "add", "bridge", "type", "bridge")
    node.run("ip", "address", "add", "10.88.0.1/16", "dev", "bridge")
    node.run("ip", "link", "set", "bridge", "up")
    for number, pod in enumerate((one, other), start=2):
        wire(node, pod, f"port{number}", (None, f"10.88.0.{number}/16"))
        node.run("ip", "link", "set", f"port{number}", "master", "bridge")

    neighbour = _namespace(stack)
    wire(node, neighbour, addresses=(f"{NODE}/{PREFIX}", f"{NEIGHBOUR}/{PREFIX}"))
    node.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    for place, gateway in ((one, "10.88.0.1"), (other, "10.88.0.1"), (neighbour, NODE)):
        place.run("ip", "route", "add", "default", "via", gateway)

    _serve(stack, right, other, neighbour)
    return [
        Path("bare: a veth pair", left, NEIGHBOUR),
        Path("bare: two links on a bridge", one, "10.88.0.3", "bare: a veth pair"),
        Path("bare: the node and a link on its bridge", node, "10.88.0.3", "bare: a veth pair"),
        Path("bare: a link on the bridge to the neighbour", one, NEIGHBOUR, "bare: a veth pair"),
        Path("bare: the neighbour to a link on the bridge", neighbour, "10.88.0.3", "bare: a veth pair"),
    ]


def _node(stack):
    """A node with a neighbour on its wire, who is served too."""
    node, neighbour = _namespace(stack), _namespace(stack)
    wire(node, neighbour, addresses=(f"{NODE}/{PREFIX}", f"{NEIGHBOUR}/{PREFIX}"))
    _serve(stack, neighbour)
    return node, neighbour


def _pods(stack, subject):
    """A Pod that asks, and one that is served and has ports of the node."""
    for pod, ports in (("client", ()), ("server", PORTS)):
        subject.start_ms(pod, ports)
    client, server = (Place(subject.process(pod)) for pod in ("client", "server"))
    _serve(stack, server)
    return client, server.address("eth0")


def _podagent(stack, work, options):
    node, neighbour = _node(stack)
    agent = PodAgent(work, options.binary, STAMP_IMAGE, node, POD_CIDR)
    stack.enter_context(contextlib.closing(agent))
    client, server = _pods(stack, agent)
    return _paths("podagent", node, neighbour, client, server)


def _podman(stack, options):
    node, neighbour = _node(stack)
    # One of its own: podman takes no path of more than 50 characters.
    work = stack.enter_context(private_directory("podman", options.work))
    podman = Podman(work, STAMP_IMAGE, node)
    stack.enter_context(contextlib.closing(podman))
    client, server = _pods(stack, podman)
    return _paths("podman", node, neighbour, client, server)


def _paths(name, node, neighbour, client, server):
    onto_bridge = "bare: the node and a link on its bridge"
    paths = [
        Path(f"{name}: Pod to Pod", client, server, "bare: two links on a bridge"),
        Path(f"{name}: node to Pod", node, server, onto_bridge),
        Path(f"{name}: node to Pod by hostPort", node, NODE, onto_bridge),
        Path(f"{name}: Pod to the neighbour, masqueraded", client, NEIGHBOUR, "bare: a link on the bridge to the neighbour"),
        Path(f"{name}: the neighbour to a hostPort", neighbour, NODE, "bare: the neighbour to a link on the bridge"),
    ]
    for path in paths:
        path.probe()
    return paths


def report(figures):
    paths = {path["name"]: path for path in figures["paths"]}
    lines = [
        f"**What passes.** One TCP stream of {figures['seconds']} s ({CONGESTION_CONTROL}), and connections one after the "
        f"other ({figures['connects']} each time, connect and close), paths in turn:",
        "",
        "| | Gbit/s | beside the bare one | one connection | beside the bare one |",
        "|---|---|---|---|---|",
    ]
    for path in paths.values():
        gigabits, connect = measure.spread(path["gigabits"]), measure.spread(path["connect_us"], 0)
        bare = paths.get(path["beside"])
        stream_ratio, connect_ratio = (_ratio(path, bare, key) for key in ("gigabits", "connect_us"))
        lines.append(f"| {path['name']} | {gigabits} | {stream_ratio} | {connect} µs | {connect_ratio} |")
    lines += [f"\nLeft out: {text}" for text in figures["left_out"]]
    return "\n".join(lines)


def _ratio(path, bare, key):
    return f"{statistics.median(path[key]) / statistics.median(bare[key]):.2f} ×" if bare else "–"
