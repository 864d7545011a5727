"""Runs the parts of a benchmark program one after the other and prints what they report."""

import json
import os
import signal
import sys

import measure
from places import private_directory
from subjects import Failed


def run(program, parts, options, make, note=""):
    """Runs those of `parts`, modules by their names, that `options.only` names, and exits: 0 measured, 1 one did not work.

    `make` is what one calls instead as root; `note` stands behind the line that says where it was measured.
    """
    if os.geteuid() != 0:
        sys.exit(f"{program}: makes namespaces and mounts: run it as root (sudo make {make})")
    # Ended from outside it cleans up, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(1 if _run(program, parts, options, note) else 0)
    except KeyboardInterrupt:
        sys.exit(f"{program}: ended, and cleaned up")


def _run(program, parts, options, note):
    """Whether one of them did not work."""
    figures, failed = {}, False
    for name in options.only:
        print(f"{program}: {name} ...", file=sys.stderr)
        try:
            with private_directory(f"{program}-{name}", options.work) as work:
                figures[name] = parts[name].run(work, options)
        except Failed as failure:
            print(f"{program}: {name} left out: {failure}", file=sys.stderr)
            failed = True
    if figures:
        print(f"Measured {measure.describe_machine()}.{note}")
    for name in figures:
        print()
        print(parts[name].report(figures[name]))
    if options.json:
        with open(options.json, "w") as stream:
            json.dump(figures, stream, indent=1)
    return failed
