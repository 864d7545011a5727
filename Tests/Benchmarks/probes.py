#!/usr/bin/env python3
"""Measures what probes cost, how punctual they are, and how soon a container runs again; prints Markdown for
docs/performance.md.

usage: probes.py [--only NAME,...] [--pods N] [--probes N] [--seconds N] [--restarts N] [--work DIR] [--binary FILE]
                 [--json FILE]                                                      NAME: exec network restart

- *exec*: processor time of podagent, the shims and the probes, for Pods that are asked by a command every second.
- *network*: lateness and cost of many tcpSocket and httpGet probes, each every second.
- *restart*: from a container's end to its successor's first instruction.

No time makes it fail. Exit codes: 0 measured, 1 something did not work, 2 wrong usage.
"""

import argparse

import container_restarts
import exec_probes
import network_probes
import parts
from places import BINARY

PARTS = {"exec": exec_probes, "network": network_probes, "restart": container_restarts}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="NAME,...", help="exec, network, restart")
    parser.add_argument("--pods", type=int, default=50, metavar="N", help="Pods with an exec probe (default 50)")
    parser.add_argument("--probes", type=int, default=1000, metavar="N", help="network probes a second (default 1000)")
    parser.add_argument("--seconds", type=int, default=30, metavar="N", help="how long each counts (default 30)")
    parser.add_argument("--restarts", type=int, default=100, metavar="N", help="restarts (default 100)")
    parser.add_argument("--work", metavar="DIR", help="where private directories are made (default: TMPDIR)")
    parser.add_argument("--binary", default=BINARY, metavar="FILE", help="the podagent to measure (default: the release)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if not set(options.only) <= set(PARTS):
        parser.error("--only takes exec, network and restart")
    if min(options.pods, options.probes, options.restarts) < 1 or options.seconds < 2:
        parser.error("numbers are at least 1, --seconds at least 2")
    return options


if __name__ == "__main__":
    parts.run("probes", PARTS, arguments(), make="bench-probes")
