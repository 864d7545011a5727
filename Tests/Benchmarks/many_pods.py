"""Whether a Pod starts more slowly for the many that are there already."""

import contextlib
import os
import statistics
import time

import measure
from namespaces import Namespace
from places import STAMP_IMAGE
from setup_cost import POD_CIDR
from subjects import PodAgent

AIM_RATIO = 1.3
# A Linux bridge has 1,023 ports (BR_MAX_PORTS of net/bridge/br_private.h; the first number is none).
PODS_MAX = 1023
FIRST_PORT = 10000

# What the Pods have, by the flags of the agent. The second tells what is not the network's.
VARIANTS = {"addresses and a hostPort": POD_CIDR, "a loopback only": ()}


def levels(pods):
    """How many others there are when the start of one Pod is measured."""
    return sorted({0, pods // 10, pods // 2, pods - 1})


def run(work, options):
    return {name: _measure(os.path.join(work, str(i)), name, options) for i, name in enumerate(VARIANTS)}


def _measure(work, name, options):
    """At each level the starts of one Pod more, and how quickly those came that are there by then."""
    flags, there, stations = VARIANTS[name], 0, []
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(contextlib.closing(Namespace()))
        agent = stack.enter_context(contextlib.closing(PodAgent(work, options.binary, STAMP_IMAGE, place, flags)))
        for level in levels(options.pods):
            per_second = _bring(agent, range(there, level))
            times = _sample(agent, level, options)
            stations.append({"pods": level, "per_second": per_second, "single_ms": times})
            there = level
        began = time.monotonic()
        agent.remove([f"many-{number}" for number in range(there)])
        return {"stations": stations, "removed": there, "removal_seconds": time.monotonic() - began}


def _ports(agent, number):
    return (FIRST_PORT + number,) if agent.flags else ()


def _bring(agent, numbers):
    """Starts Pods at once; returns how many in a second, None if there are none to start."""
    began = [agent.up(f"many-{number}", _ports(agent, number)) for number in numbers]
    if not began:
        return None
    seconds = max(agent.started(f"many-{number}") for number in numbers) - began[0]
    return len(began) / seconds


def _sample(agent, level, options):
    """Milliseconds of each start of one Pod beside `level` others, gone again before the next."""
    # What the start of so many leaves to do is no part of the next one's.
    time.sleep(2 if level else 0.5)
    times = []
    for number in range(options.samples):
        pod = f"more-{level}-{number}"
        times.append(agent.start_ms(pod, _ports(agent, options.pods)))
        agent.down(pod)
    return times


def report(figures):
    lines = [
        "**Many Pods.** The start of one Pod more, when others run already:",
        "",
        f"| the Pods have | others | start of one Pod | beside the first (aim ≤ {AIM_RATIO} ×) | Pods/s, on the way there |",
        "|---|---|---|---|---|",
    ]
    for name, figure in figures.items():
        first = statistics.median(figure["stations"][0]["single_ms"])
        for station in figure["stations"]:
            ratio = f"{statistics.median(station['single_ms']) / first:.2f} ×" if station["pods"] else "–"
            rate = f"{station['per_second']:.0f}" if station["per_second"] else "–"
            times = measure.spread(station["single_ms"])
            lines.append(f"| {name} | {station['pods']} | {times} ms | {ratio} | {rate} |")
    lines.append("")
    for name, figure in figures.items():
        seconds = f"{figure['removal_seconds']:.1f} s"
        lines.append(f"- {figure['removed']} Pods with {name}, removed at once: all gone after {seconds}.")
    return "\n".join(lines)
