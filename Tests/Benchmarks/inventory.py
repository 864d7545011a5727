"""What there is of an agent and of its Pods: what the process holds, what the kernel keeps for it, what lies on disk."""

import collections
import os
import re

# Dispatch keeps idle threads for five seconds, and each timer that rings gives one of them another five: a few more or
# fewer say nothing. As many as this are no fault, whatever there were before.
THREADS_IDLE_MAX = 8


def cgroup_mount():
    """Where cgroup2 is mounted, or None; mountinfo(5)."""
    with open("/proc/self/mountinfo") as stream:
        for line in stream:
            fields = line.split()
            if fields[fields.index("-") + 1] == "cgroup2":
                return fields[4]
    return None


def cgroup_name(run_directory):
    """The cgroup that an agent derives from its run directory: FNV-1a of the path."""
    value = 0xCBF29CE484222325
    for byte in run_directory.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"podagent-{value:x}"


def processes(base):
    """Every process of a Pod below the cgroup `base`, a zombie too, as {pid: (name, start in ticks since boot)}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if f"/{base}/" in _read(f"/proc/{pid}/cgroup"):
            name, started = _name_and_start(pid)
            if name:
                found[int(pid)] = (name, started)
    return found


def children(agent):
    """What the agent has started and not yet reaped, as {pid: (name, state)}."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        head, _, rest = _read(f"/proc/{pid}/stat").rpartition(")")
        if rest and int(rest.split()[1]) == agent:
            found[int(pid)] = (head.partition("(")[2], rest.split()[0])
    return found


def descriptors(agent):
    """The agent's open descriptors by kind: {"socket": 3, "anon_inode:[eventpoll]": 1, "/path": 1, ...}."""
    kinds = collections.Counter()
    for number in os.listdir(f"/proc/{agent}/fd"):
        try:
            target = os.readlink(f"/proc/{agent}/fd/{number}")
        except FileNotFoundError:
            continue
        kind = re.sub(r":\[\d+\]$", "", target)
        kinds["file or directory" if kind.startswith("/") else kind] += 1
    return dict(sorted(kinds.items()))


def memory(agent):
    """PSS, RSS and anonymous memory of the agent in KiB."""
    wanted = ("Pss", "Rss", "Anonymous")
    lines = (line.partition(":") for line in _read(f"/proc/{agent}/smaps_rollup").splitlines())
    return {name: int(rest.split()[0]) for name, _, rest in lines if name in wanted}


# The node's events, which are kept when their Pods are gone. Bounded by the agent, as its tests check.
KEPT = "events.jsonl"


def tree(path):
    """Directories, other files and bytes (as stat(2) has them) below a directory, without the node's events."""
    directories = files = size = 0
    for where, names, others in os.walk(path):
        directories += len(names)
        for name in others:
            if where == path and name == KEPT:
                continue
            try:
                size += os.lstat(os.path.join(where, name)).st_size
                files += 1
            except FileNotFoundError:
                pass
    return {"directories": directories, "files": files, "bytes": size}


def take(subject):
    """What must be the same whenever the agent has no Pods, as {what: how much}."""
    agent = subject.agent.pid
    base = cgroup_name(os.path.join(subject.work, "run"))
    found = {f"descriptors: {kind}": count for kind, count in descriptors(agent).items()}
    found["threads"] = len(os.listdir(f"/proc/{agent}/task"))
    of_pods, started = processes(base), children(agent)
    found["processes of Pods"] = len(of_pods)
    found["children of the agent"] = len(started)
    found["zombies among both"] = sum(_state(pid) == "Z" for pid in {**of_pods, **started})
    found["namespaces that are not the node's"] = _namespaces({**of_pods, **started})
    mounts = _read(f"/proc/{agent}/mountinfo").splitlines()
    found["mounts seen by the agent"] = len(mounts)
    found["network links of the node"] = len(os.listdir("/sys/class/net"))
    top = os.path.join(cgroup_mount() or "/nonexistent", base)
    found["cgroups"] = sum(1 for _ in os.walk(top))
    for line in _read(f"{top}/cgroup.stat").splitlines():
        if line.startswith("nr_dying_descendants"):
            found["cgroups that are dying"] = int(line.split()[1])
    for name in ("state", "run", "log"):
        for what, count in tree(os.path.join(subject.work, name)).items():
            found[f"{name} directory: {what}"] = count
    return found


def differences(before, after):
    """What there is more of than before, one text for each."""
    texts = []
    for what in sorted(before | after):
        old, new = before.get(what, 0), after.get(what, 0)
        if new > old and not (what == "threads" and new <= THREADS_IDLE_MAX):
            texts.append(f"{what}: {old}, then {new}")
    return texts


def _namespaces(pids):
    own = {os.readlink(f"/proc/self/ns/{kind}") for kind in os.listdir("/proc/self/ns")}
    found = set()
    for pid in pids:
        try:
            found |= {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in os.listdir(f"/proc/{pid}/ns")}
        except OSError:
            continue
    return len(found - own)


def _state(pid):
    rest = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return rest[0] if rest else ""


def _name_and_start(pid):
    head, _, rest = _read(f"/proc/{pid}/stat").rpartition(")")
    return (head.partition("(")[2], int(rest.split()[19])) if rest else (None, 0)


def _read(path):
    """A file of the kernel's, or nothing if what it is about has gone meanwhile."""
    try:
        with open(path) as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return ""
