#!/usr/bin/env python3
"""Measures the network of the Pods beside the kernel's own and podman's; prints Markdown for docs/performance.md.

usage: network.py [--only NAME,...] [--single N] [--pods N] [--samples N] [--rounds N] [--seconds N] [--connects N]
                  [--work DIR] [--binary FILE] [--json FILE]                       NAME: setup many throughput

- *setup*: the start of one Pod with and without a network.
- *many*: the start of one Pod more, when there are none, some and many others.
- *throughput*: iperf3 and connections between Pods, the node and a neighbour.

Everything happens in network namespaces of its own. No time makes it fail. Exit codes: 0 measured, 1 something did not
work, 2 wrong usage.
"""

import argparse

import connects
import many_pods
import parts
import setup_cost
import throughput
from places import BINARY

PARTS = {"setup": setup_cost, "many": many_pods, "throughput": throughput}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="NAME,...", help="setup, many, throughput")
    parser.add_argument("--single", type=int, default=20, metavar="N", help="starts of one Pod each (default 20)")
    parser.add_argument("--pods", type=int, default=1000, metavar="N", help="Pods in the end (default 1000)")
    parser.add_argument("--samples", type=int, default=10, metavar="N", help="starts beside others (default 10)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="repetitions of each path (default 3)")
    parser.add_argument("--seconds", type=int, default=2, metavar="N", help="of one stream (default 2)")
    parser.add_argument("--connects", type=int, default=1000, metavar="N", help="connections each time (default 1000)")
    parser.add_argument("--work", metavar="DIR", help="where private directories are made (default: TMPDIR)")
    parser.add_argument("--binary", default=BINARY, metavar="FILE", help="the podagent to measure (default: the release)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if not set(options.only) <= set(PARTS):
        parser.error("--only takes setup, many and throughput")
    if min(options.single, options.samples, options.rounds, options.seconds) < 1:
        parser.error("numbers are at least 1")
    if not 2 <= options.pods <= many_pods.PODS_MAX:
        parser.error(f"--pods is between 2 and {many_pods.PODS_MAX}, as many as a bridge has ports")
    if not 1 <= options.connects <= connects.BACKLOG:
        parser.error(f"--connects is between 1 and {connects.BACKLOG}")
    return options


if __name__ == "__main__":
    parts.run("network", PARTS, arguments(), make="bench", note=" Figures are p50 (min–max).")
