#!/usr/bin/env python3
"""Shows that a restart of the agent disturbs nothing and that Pods that are gone leave nothing behind.

usage: reliability.py [--only restart,churn] [--running N] [--restarts N] [--pods N] [--at-once N] [--work DIR] [--json FILE]

- *Restart under load*: N Pods run; the agent is ended by SIGTERM and by SIGKILL in turn and started again. No process
  of a Pod may be another one afterwards and nothing in a status may have changed; the time is from the exec of the new
  agent to its first answer that shows every Pod as it was.
- *Churn*: N short Pods pass through one agent. What the agent holds and what there is of its Pods, in the kernel and on
  disk, returns to what it was after the first of them.

Prints the tables of docs/reliability.md. A figure that misses its aim is printed and does no harm; exit codes: 0 nothing
was disturbed or left, 1 something was, 2 wrong usage.
"""

import argparse
import json
import os
import sys

import churn
import measure
import restart
from places import BINARY, IMAGES, private_directory
from subjects import Failed

PARTS = {"restart": restart, "churn": churn}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="NAME,...", help="restart, churn")
    parser.add_argument("--running", type=int, default=300, metavar="N", help="Pods that run at a restart (default 300)")
    parser.add_argument("--restarts", type=int, default=10, metavar="N", help="restarts of the agent (default 10)")
    parser.add_argument("--pods", type=int, default=1000, metavar="N", help="short Pods, a multiple of 10 (default 1000)")
    parser.add_argument("--at-once", type=int, default=20, metavar="N", help="short Pods at a time (default 20)")
    parser.add_argument("--work", metavar="DIR", help="where private directories are made (default: TMPDIR)")
    parser.add_argument("--binary", default=BINARY, metavar="FILE", help="the podagent to look at (default: the release)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args()
    names = options.only.split(",")
    if not set(names) <= set(PARTS) or min(options.running, options.restarts, options.at_once) < 1:
        parser.error("--only takes restart and churn; numbers are at least 1")
    if options.pods < 10 or options.pods % 10:
        parser.error("--pods is a multiple of 10")
    if os.geteuid() != 0:
        sys.exit("reliability: makes namespaces and mounts: run it as root (sudo make reliability)")

    figures, faults = {}, []
    for name in names:
        print(f"reliability: {name} ...", file=sys.stderr)
        try:
            with private_directory(name, options.work) as work:
                figures[name], found = PARTS[name].run(work, IMAGES, options)
                faults += found
        except Failed as failure:
            faults.append(f"{name}: {failure}")
    if figures:
        print(f"Measured {measure.describe_machine()}.")
    for name in figures:
        print()
        print(PARTS[name].report(figures[name], options))
    if options.json:
        with open(options.json, "w") as stream:
            json.dump(figures, stream, indent=1)
    for fault in faults:
        print(f"reliability: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
