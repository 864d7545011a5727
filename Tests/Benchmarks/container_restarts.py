"""From a container's end to the first instruction of its successor, by the stamps of both; the first restart of each Pod."""

import contextlib
import os
import sys

import measure
from places import STAMP_IMAGE
from subjects import Failed, PodAgent, Podman, manifest

AIM_MS = 15
LIFE_MS = 200
PODMAN_RESTARTS = 10


def run(work, options):
    """Milliseconds of each restart, by subject. A peer that does not work here is left out."""
    makers = {
        PodAgent.name: (lambda path: PodAgent(path, options.binary, STAMP_IMAGE), options.restarts),
        Podman.name: (lambda path: Podman(path, STAMP_IMAGE), min(options.restarts, PODMAN_RESTARTS)),
    }
    figures = {}
    for number, (name, (make, count)) in enumerate(makers.items()):
        try:
            with contextlib.closing(make(os.path.join(work, str(number)))) as subject:
                figures[name] = [_restart_ms(subject, f"again-{each}") for each in range(count)]
        except Failed as failure:
            if name == PodAgent.name:
                raise
            print(f"probes: {name} left out: {failure}", file=sys.stderr)
    return figures


def _restart_ms(subject, pod):
    document = manifest(pod, subject.out)
    document["spec"]["containers"][0]["command"] += ["0", str(LIFE_MS)]
    subject.apply(pod, document)
    times = measure.stamp_times(os.path.join(subject.out, pod), 3, 60)
    subject.down(pod)
    if not times:
        raise Failed(f"{subject.name}: the container of {pod} was not restarted in a minute")
    began, ended, again = times
    return 1000 * (again - ended)


def report(figures):
    lines = [
        "**Restarts.** From a container's last instruction to its successor's first, at its first restart:",
        "",
        "| | restarts | p50 | p95 | most | aim, p50 |",
        "|---|---|---|---|---|---|",
    ]
    for name, times in figures.items():
        shares = " | ".join(f"{value:.1f} ms" for value in (
            measure.percentile(times, 0.5), measure.percentile(times, 0.95), max(times)))
        lines.append(f"| {name} | {len(times)} | {shares} | {f'< {AIM_MS} ms' if name == PodAgent.name else ''} |")
    return "\n".join(lines)
