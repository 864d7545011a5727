"""Churn: many short Pods pass through one agent, and leave nothing behind in it, in the kernel or on disk."""

import collections
import json
import os
import subprocess
import time

import inventory
from subjects import Failed, PodAgent

# Shares of `--pods` after which all Pods are gone and it is looked at what is left. The first is the warm-up.
STATIONS = (0.1, 0.2, 0.6, 1.0)
PATIENCE_SECONDS = 60
SETTLE_SECONDS = 60
AIM_KIB_PER_POD = 1.0

# What becomes of a Pod, in turn: (restart policy, command, what is waited for, restarts).
LIVES = {
    "succeeded": ("Never", "echo out; echo err >&2; exit 0", "Succeeded", 0),
    "failed": ("Never", "echo out; exit 3", "Failed", 0),
    "were removed while they ran": ("Always", "echo up; exec sleep 1000", "Running", 0),
    "crashed once": ("OnFailure", "test -e /data/seen && exit 0; touch /data/seen; exit 1", "Succeeded", 1),
}


def run(work, images, options):
    """What there was at each station, and what was left over."""
    agent = PodAgent(work, options.binary, os.path.join(images, "busybox.tar"))
    try:
        stations, passed, faults = [], 0, []
        outcomes = collections.Counter()
        began = time.monotonic()
        for share in STATIONS:
            upto = int(options.pods * share)
            faults += _pass(agent, range(passed, upto), options.at_once, outcomes)
            passed = upto
            found, left = _settle(agent, stations[0]["found"] if stations else None)
            faults += [f"after {passed} Pods: {text}" for text in left]
            stations.append({"pods": passed, "found": found, "memory": inventory.memory(agent.agent.pid)})
            stations[-1]["events"] = len(json.loads(agent.get("/api/v1/events") or b'{"items":[]}')["items"])
        return {"stations": stations, "outcomes": outcomes, "seconds": time.monotonic() - began}, faults
    finally:
        agent.close()


def _pass(agent, numbers, at_once, outcomes):
    """Takes these Pods through their lives, some at a time; what did not go as it should."""
    waiting, under_way, faults = list(numbers)[::-1], {}, []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting or under_way:
        while waiting and len(under_way) < at_once:
            number = waiting.pop()
            name = f"short-{number}"
            under_way[name] = list(LIVES)[number % len(LIVES)]
            _up(agent, name, under_way[name])
        pods = {pod["metadata"]["name"].removesuffix("-bench"): pod for pod in _pods(agent)}
        before = len(under_way)
        for name, life in list(under_way.items()):
            pod = pods.get(name)
            path = os.path.join(agent.manifests, name + ".json")
            if pod is None and not os.path.exists(path):
                del under_way[name]
                outcomes[life] += 1
            elif pod and os.path.exists(path) and _is_there(pod, life):
                faults += _use(agent, pod, life)
                os.unlink(path)
        if len(under_way) != before:
            deadline = time.monotonic() + PATIENCE_SECONDS
        if time.monotonic() > deadline:
            raise Failed(f"nothing moves any more: {dict(list(under_way.items())[:3])}; {agent.log_tail()}")
        time.sleep(0.005)
    return faults


def _up(agent, name, life):
    policy, command, _, _ = LIVES[life]
    container = {
        "name": "c",
        "image": "busybox:1.36",
        "command": ["/bin/sh", "-c", command],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {"restartPolicy": policy, "terminationGracePeriodSeconds": 0, "containers": [container]}
    spec["volumes"] = [{"name": "data", "emptyDir": {}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    staged = os.path.join(agent.directory("stage"), name + ".json")
    with open(staged, "w") as stream:
        json.dump(pod, stream)
    os.rename(staged, os.path.join(agent.manifests, name + ".json"))


def _is_there(pod, life):
    """Whether the Pod has come to what is waited for."""
    wanted = LIVES[life][2]
    return pod["status"].get("phase") == wanted and pod["status"].get("containerStatuses")


def _use(agent, pod, life):
    """What people do with Pods, so that what this takes is looked at too. Says what is wrong with the Pod."""
    name, faults = pod["metadata"]["name"], []
    (status,) = pod["status"]["containerStatuses"]
    if status["restartCount"] != LIVES[life][3]:
        faults.append(f"{name} (those that {life}): restartCount {status['restartCount']}")
    if life == "failed" and status["state"]["terminated"]["exitCode"] != 3:
        faults.append(f"{name}: exit code {status['state']['terminated']['exitCode']}")
    if life == "succeeded" and agent.get(f"/api/v1/namespaces/default/pods/{name}/log") != b"out\nerr\n":
        faults.append(f"{name}: its log is another one")
    if life == "were removed while they ran":
        faults += _exec(agent, name)
    return faults


def _exec(agent, name):
    command = [agent.binary, "exec", "--socket", agent.socket, name, "--", "/bin/true"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f"{name}: exec: {ran.stderr.strip()}"] if ran.returncode else []


def _pods(agent):
    body = agent.get("/api/v1/pods")
    if body is None:
        raise Failed(f"the agent does not answer; the end of its log: {agent.log_tail()}")
    return json.loads(body)["items"]


def _settle(agent, baseline):
    """What there is once nothing changes any more, and what of it was not there at first.

    Idle threads end after five seconds without work, and the timer of an exec rings up to half a minute after it;
    clients' connections end a moment after them."""
    deadline = time.monotonic() + SETTLE_SECONDS
    time.sleep(6)
    found = inventory.take(agent)
    while True:
        time.sleep(0.5)
        again = inventory.take(agent)
        left = inventory.differences(baseline, again) if baseline else []
        if again == found and not left or time.monotonic() > deadline:
            return again, left
        found = again


def _slope(stations, key, first, last):
    """KiB that each Pod between two stations has left in the agent's memory."""
    a, b = stations[first], stations[last]
    return (b["memory"][key] - a["memory"][key]) / (b["pods"] - a["pods"])


def report(figures, options):
    stations = figures["stations"]
    lives = ", ".join(f"{count} {life}" for life, count in figures["outcomes"].items())
    head = "".join(f" | {station['pods']} Pods" for station in stations)
    lines = [
        f"{stations[-1]['pods']} Pods, {options.at_once} at a time, in {figures['seconds']:.0f} s: {lives}.",
        "",
        f"| when all are gone, after{head} |",
        "|---|" + "---|" * len(stations),
    ]
    for what in sorted({what for station in stations for what in station["found"]}):
        lines.append(f"| {what} | " + " | ".join(str(station["found"].get(what, 0)) for station in stations) + " |")
    for key in stations[0]["memory"]:
        lines.append(f"| memory of the agent, {key} | " + " | ".join(f"{s['memory'][key] / 1024:.1f} MiB" for s in stations) + " |")
    lines.append("| events kept | " + " | ".join(str(station["events"]) for station in stations) + " |")
    lines += ["", "| memory left by each Pod, anonymous | KiB | aim |", "|---|---|---|"]
    for first in range(len(stations) - 1):
        span = f"{stations[first]['pods']} to {stations[first + 1]['pods']}"
        aim = f"≤ {AIM_KIB_PER_POD:.0f}" if first == len(stations) - 2 else "caches fill"
        lines.append(f"| {span} | {_slope(stations, 'Anonymous', first, first + 1):.2f} | {aim} |")
    return "\n".join(lines)
