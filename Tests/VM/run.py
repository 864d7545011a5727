#!/usr/bin/env python3
"""Boots a whole machine in a process, installs PodAgent in it as an administrator would, and checks it as one.

usage: run.py --installed DIR --image FILE [--work DIR] [--keep]

The machine is a User-Mode-Linux guest with Debian's systemd as PID 1 and cgroup v2. DIR is what `make install
DESTDIR=DIR` filled; FILE an archive of busybox. The guest's base file system is made at the first run and kept in
the work directory (.build/vm); all else is removed at the end, unless --keep is given.

Prints a line for each check. Exit codes: 0 all ok, 1 a check failed or the guest did not run, 2 wrong usage.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time

import checks
import limits
import network
from base import Failed, base_image
from machine import Machine
from node import UNIT, Node

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))


class Report:
    """What was checked, and how it went."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, why=""):
        """One line. `why` is what was seen instead."""
        if holds:
            self.passed += 1
            print(f"ok      {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {name}: {why}", flush=True)
        return holds

    def boot(self, machine):
        """Booting is no check of PodAgent; without it there is none."""
        print(f"(booted in {machine.boot():.1f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("--installed", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--work", default=os.path.join(REPOSITORY, ".build/vm"))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()

    # So that what is cleaned up at the end is also cleaned up then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.makedirs(options.work, exist_ok=True)
    report, began = Report(), time.monotonic()
    try:
        with open(os.path.join(options.work, "lock"), "w") as lock:
            # A second run waits, rather than making the base file system under the first one.
            fcntl.flock(lock, fcntl.LOCK_EX)
            run(options, report)
    except Failed as failure:
        report.check("the guest works", False, failure)
    took = time.monotonic() - began
    print(f"the whole machine took {took:.0f} s")
    print(f"vm: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def run(options, report):
    base = base_image(options.work, os.path.join(options.installed, "usr/local/bin/podagent"))
    directory = tempfile.mkdtemp(prefix="run-", dir=options.work)
    machine = Machine(directory, base)
    try:
        share = os.path.join(directory, "share")
        shutil.copytree(options.installed, os.path.join(share, "installed"), symlinks=True)
        shutil.copytree(os.path.join(HERE, "pods"), os.path.join(share, "pods"))
        shutil.copy(options.image, os.path.join(share, "busybox.tar"))
        report.boot(machine)
        node = Node(machine)
        check_all(node, report, share)
        if report.failed:
            show_journal(machine)
    except Failed:
        show_console(machine)
        show_journal(machine)
        raise
    finally:
        machine.power_cut()
        if options.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory)


def check_all(node, report, share):
    checks.install(node, report, share)
    checks.pods_run(node, report)
    checks.controllers(node, report)
    checks.journal(node, report)
    checks.ready(node, report)
    checks.reload(node, report)
    checks.watchdog(node, report)
    checks.restart(node, report)
    checks.killed(node, report)
    checks.reload_manager(node, report)
    checks.stop(node, report)
    checks.cut_while_stopped(node, report)
    checks.cut_while_running(node, report)
    checks.orderly_shutdown(node, report)
    limits.values(node, report)
    limits.refused(node, report)
    limits.out_of_memory(node, report)
    limits.out_of_memory_meanwhile(node, report)
    network.network(node, report)


def show_journal(machine):
    try:
        print(machine.run(f"journalctl --no-pager -u {UNIT} -n 100").output)
    except (Failed, OSError) as failure:
        print(f"(the guest does not show its journal: {failure})")


def show_console(machine):
    with open(machine.console, errors="replace") as stream:
        print("the end of the guest's console:", *stream.read().splitlines()[-40:], sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
