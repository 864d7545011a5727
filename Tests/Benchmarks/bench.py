#!/usr/bin/env python3
"""Measures PodAgent, the floor under it and podman beside it in one run; prints Markdown for docs/performance.md.

usage: bench.py [--only NAME,...] [--single N] [--burst N] [--work DIR] [--json FILE]     NAME: floor podagent podman

- *Start of one Pod*: from the moment its file is in place to the first instruction of its container, by the
  container's own clock reading; Pods one after the other.
- *Pods at once*: from the first of N files to the last container's first instruction.
- *Memory beside the containers*: PSS of everything that the subject keeps running for those N Pods.

No time makes it fail. Exit codes: 0 measured, 1 PodAgent did not do its work, 2 wrong usage.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import measure
from places import BINARY, STAMP_IMAGE, compile_program, private_directory
from subjects import Failed, PodAgent, Podman

IDLE_SECONDS = 10
RESTARTS = 5


def measure_subject(subject, already_running, options):
    """One row of the table. `already_running` are processes of others by the same names, which do not count."""
    row = {"name": subject.name, "single_ms": [], "burst": options.burst}
    for number in range(options.single):
        pod = f"single-{number}"
        row["single_ms"].append(subject.start_ms(pod))
        subject.down(pod)

    pods = [f"burst-{number}" for number in range(options.burst)]
    began = [subject.up(pod) for pod in pods]
    row["burst_seconds"] = max(subject.started(pod) for pod in pods) - began[0]
    # Starting leaves pages behind that are soon given back; what is asked for is the memory of Pods at rest.
    time.sleep(3)
    helpers = {p: n for p, n in measure.processes(subject.helpers).items() if p not in already_running}
    row["memory"] = measure.memory(helpers)
    return row, pods, helpers


def measure_podagent(work, options):
    already_running = measure.processes(PodAgent.helpers)
    agent = PodAgent(work, BINARY, STAMP_IMAGE)
    try:
        row, pods, helpers = measure_subject(agent, already_running, options)
        before = measure.cpu_seconds(helpers)
        time.sleep(IDLE_SECONDS)
        row["idle_cpu_percent"] = 100 * (measure.cpu_seconds(helpers) - before) / IDLE_SECONDS
        expected = agent.pods()
        row["restart_ms"] = [1000 * agent.restart(expected) for _ in range(RESTARTS)]
        began = time.monotonic()
        agent.remove(pods)
        row["removal_seconds"] = time.monotonic() - began
        return [row]
    finally:
        agent.close()


def measure_podman(work, options):
    already_running = measure.processes(Podman.helpers)
    podman = Podman(work, STAMP_IMAGE)
    try:
        return [measure_subject(podman, already_running, options)[0]]
    finally:
        podman.close()


def measure_floor(work, options):
    """Bare system calls, with and without a veth pair; see floor.c."""
    program, rootfs = compile_program("floor", work), os.path.join(work, "rootfs")
    unpack(STAMP_IMAGE, rootfs)

    def run(count, *words):
        out = tempfile.mkdtemp(dir=work)
        ran = subprocess.run([program, rootfs, out, str(count), *words], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise Failed(ran.stderr.strip())
        return ran.stdout.splitlines()

    rows = []
    for name, words in (("floor, loopback only", []), ("floor, veth on a bridge", ["veth"])):
        single = [float(line) for line in run(options.single, *words)]
        total = float(run(options.burst, *words, "burst")[-1].removeprefix("total "))
        rows.append({"name": name, "single_ms": single, "burst": options.burst, "burst_seconds": total / 1000})
    return rows


def unpack(archive, rootfs):
    """The layers of a docker-archive of ours, which hold no whiteouts, as a directory."""
    with tarfile.open(archive) as image:
        (entry,) = json.load(image.extractfile("manifest.json"))
        for name in entry["Layers"]:
            with tarfile.open(fileobj=image.extractfile(name)) as layer:
                layer.extractall(rootfs)
    for mount_point in ("proc", "out"):
        os.makedirs(os.path.join(rootfs, mount_point), exist_ok=True)


def report(rows, machine):
    """The Markdown: one table to compare, one with what is known of PodAgent alone."""
    burst = rows[0]["burst"]
    lines = [
        f"Measured {machine}. Milliseconds are p50 (min–max).",
        "",
        f"| | start of one Pod | {burst} Pods at once | memory beside the containers, {burst} Pods |",
        "|---|---|---|---|",
    ]
    for row in rows:
        rate = f"{row['burst_seconds']:.2f} s ({burst / row['burst_seconds']:.0f}/s)"
        parts = row.get("memory", {})
        each = ", ".join(f"{count} {name} {kib / 1024:.1f}" for name, (count, kib) in sorted(parts.items()))
        total = sum(kib for _, kib in parts.values()) / 1024
        memory = f"{total:.1f} MiB ({each})" if parts else "–"
        lines.append(f"| {row['name']} | {measure.spread(row['single_ms'])} ms | {rate} | {memory} |")

    agent = next((row for row in rows if row["name"] == PodAgent.name), None)
    floor = next((row for row in rows if row["name"].startswith("floor")), None)
    if agent:
        per_pod = sum(kib for name, (_, kib) in agent["memory"].items() if name != "podagent") / burst
        agent_mib = agent["memory"].get("podagent", (0, 0))[1] / 1024
        figures = [
            ("shim and pause of one Pod", f"{per_pod:.0f} KiB PSS", "≤ 500 KiB"),
            ("the agent", f"{agent_mib:.1f} MiB PSS", "≤ 30 MiB"),
            ("Pods started in a second", f"{burst / agent['burst_seconds']:.0f}", "≥ 60"),
            (f"agent killed and started, {burst} Pods: first correct answer", f"{measure.spread(agent['restart_ms'])} ms", ""),
            (f"{burst} Pods removed at once, all gone", f"{agent['removal_seconds']:.2f} s", ""),
            (f"processor time of agent and shims, {burst} idle Pods", f"{agent['idle_cpu_percent']:.2f} % of one CPU", ""),
        ]
        if floor:
            ratio = statistics.median(agent["single_ms"]) / statistics.median(floor["single_ms"])
            figures.insert(0, (f"start of one Pod beside the {floor['name']}", f"{ratio:.1f} ×", "≤ 3 ×"))
        lines += ["", "| PodAgent | measured | aim |", "|---|---|---|"]
        lines += [f"| {what} | {figure} | {aim} |" for what, figure, aim in figures]
    return "\n".join(lines)


SUBJECTS = {"floor": measure_floor, "podagent": measure_podagent, "podman": measure_podman}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(SUBJECTS), metavar="NAME,...", help="floor, podagent, podman")
    parser.add_argument("--single", type=int, default=20, metavar="N", help="starts of one Pod (default 20)")
    parser.add_argument("--burst", type=int, default=100, metavar="N", help="Pods at once (default 100)")
    parser.add_argument("--work", metavar="DIR", help="where private directories are made (default: TMPDIR)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure there")
    options = parser.parse_args()
    names = options.only.split(",")
    if not set(names) <= set(SUBJECTS) or options.single < 1 or options.burst < 1:
        parser.error("--only takes floor, podagent and podman; --single and --burst are at least 1")
    if os.geteuid() != 0:
        sys.exit("bench: makes namespaces and mounts: run it as root (sudo make bench)")

    rows, failed = [], False
    for name in names:
        print(f"bench: {name} ...", file=sys.stderr)
        try:
            with private_directory(f"bench-{name}", options.work) as work:
                rows += SUBJECTS[name](work, options)
        except Failed as failure:
            # A peer that does not work here is left out; the others are still worth their figures.
            print(f"bench: {name} left out: {failure}", file=sys.stderr)
            failed = failed or name == "podagent"
    if rows:
        print(report(rows, measure.describe_machine()))
    if options.json:
        with open(options.json, "w") as stream:
            json.dump(rows, stream, indent=1)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
