"""What its network costs the start of a Pod: agents without one, with one, and with ports of the node, in turn."""

import contextlib
import os
import statistics

import measure
from namespaces import Namespace
from places import STAMP_IMAGE
from subjects import PodAgent

POD_CIDR = ("--pod-cidr", "10.88.0.0/16,fd00:88::/64")

# What the Pods have: (flags of the agent, ports of the node). The first is what the others are compared with.
VARIANTS = {
    "a loopback only": ((), ()),
    "addresses of both families on the bridge": (POD_CIDR, ()),
    "addresses and a hostPort": (POD_CIDR, (8080,)),
}


def run(work, options):
    """The milliseconds of each start, by variant."""
    figures = {name: [] for name in VARIANTS}
    with contextlib.ExitStack() as stack:
        agents = {
            name: _agent(stack, os.path.join(work, str(number)), VARIANTS[name][0], options)
            for number, name in enumerate(VARIANTS)
        }
        for number in range(options.single):
            for name, agent in agents.items():
                pod = f"single-{number}"
                figures[name].append(agent.start_ms(pod, VARIANTS[name][1]))
                agent.down(pod)
    return figures


def _agent(stack, work, flags, options):
    place = stack.enter_context(contextlib.closing(Namespace()))
    return stack.enter_context(contextlib.closing(PodAgent(work, options.binary, STAMP_IMAGE, place, flags)))


def report(figures):
    lines = [
        "**What a network costs.** One Pod after the other, by three agents in turn:",
        "",
        "| the Pod has | start of one Pod | more than without |",
        "|---|---|---|",
    ]
    least = statistics.median(figures[next(iter(VARIANTS))])
    for name, times in figures.items():
        more = f"{statistics.median(times) - least:+.1f} ms" if name != next(iter(VARIANTS)) else "–"
        lines.append(f"| {name} | {measure.spread(times)} ms | {more} |")
    return "\n".join(lines)
