"""What the benchmark reads from the machine: time stamps, memory and CPU time by process name, the machine itself."""

import datetime
import math
import os
import platform
import statistics
import time


def stamp_time(path, patience_seconds):
    """The first time stamp in a file, in seconds, once there is a whole line; None if none comes in time.

    The container wrote down when it began, so it does not matter how late this looks: it looks rarely, in order
    to leave the processors to what is measured."""
    times = stamp_times(path, 1, patience_seconds)
    return times[0] if times else None


def stamp_times(path, count, patience_seconds):
    """The first `count` time stamps in a file, once there are as many whole lines; None if they do not come in time."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        lines = _read(path).splitlines(keepends=True)
        if len(lines) > count or len(lines) == count and lines[-1].endswith("\n"):
            return [float(line) for line in lines[:count]]
        time.sleep(0.002)
    return None


def processes(names):
    """The processes that bear one of these names now, as {pid: name}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        name = _read(f"/proc/{pid}/comm").strip()
        if name in names:
            found[int(pid)] = name
    return found


def memory(pids):
    """Memory of processes as {name: (how many, PSS in KiB)}. PSS shares a page out among those who map it."""
    totals = {}
    for pid, name in pids.items():
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                count, total = totals.get(name, (0, 0))
                totals[name] = (count + 1, total + int(line.split()[1]))
    return totals


def cpu_seconds(pids):
    """Processor time that these processes have used so far, all their threads together, in seconds."""
    total = 0
    for pid in pids:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if fields:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def cgroup_seconds(path):
    """Processor time of everything that has run in a cgroup and below it so far, what has ended included, in seconds."""
    for line in _read(os.path.join(path, "cpu.stat")).splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    return 0.0


def births():
    """Processes and threads that the machine has begun since it started."""
    return next(int(line.split()[1]) for line in _read("/proc/stat").splitlines() if line.startswith("processes "))


def percentile(values, share):
    """The value that `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered), math.ceil(share * len(ordered))) - 1)]


def describe_machine():
    """One line that says when and where figures were taken."""
    model = next((l.partition(":")[2].strip() for l in _read("/proc/cpuinfo").splitlines() if "model name" in l), "?")
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    day = datetime.date.today().isoformat()
    return f"{day}, Linux {platform.release()}, {os.cpu_count()} CPUs ({model}), {memory_gib:.0f} GiB"


def spread(values, digits=1):
    """The middle of some figures with the least and the most: "4.1 (3.8–5.0)"."""
    if not values:
        return "–"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def _read(path):
    """A file of /proc, or nothing if its process has gone meanwhile."""
    try:
        with open(path) as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
