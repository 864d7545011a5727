"""Restart under load: many Pods run, the agent goes and comes back, and nobody notices."""

import http.client
import json
import os
import signal
import socket
import time

import inventory
import measure
from subjects import Failed, PodAgent

AIM_MS = 300
SIGNALS = (signal.SIGTERM, signal.SIGKILL)


def run(work, images, options):
    """The figures of each restart, and what was disturbed."""
    agent = PodAgent(work, options.binary, os.path.join(images, "stamp.tar"))
    try:
        for number in range(options.running):
            agent.up(f"runs-{number}")
        for number in range(options.running):
            if measure.stamp_time(os.path.join(agent.out, f"runs-{number}"), 120) is None:
                raise Failed(f"runs-{number} does not start; the end of the agent's log: {agent.log_tail()}")
        # The agent may still be writing down that the last of them have started.
        time.sleep(2)
        base = inventory.cgroup_name(os.path.join(work, "run"))
        expected, running = _statuses(_pods(agent.socket)), inventory.processes(base)
        restarts, faults = [], []
        for number in range(options.restarts):
            restarts.append(_restart(agent, SIGNALS[number % len(SIGNALS)], expected))
            faults += _compare(number + 1, running, inventory.processes(base))
        return {"pods": len(expected), "processes": len(running), "restarts": restarts}, faults
    finally:
        agent.close()


def _restart(agent, number, expected):
    """Ends the agent, starts it again and asks until it says the same as before; all times in milliseconds."""
    began = time.monotonic()
    agent.agent.send_signal(number)
    agent.agent.wait()
    ended = time.monotonic()
    agent.spawn()
    executed = time.monotonic()
    first, answers = None, 0
    while True:
        body, now = _pods(agent.socket), time.monotonic()
        if body is not None:
            first, answers = first or now, answers + 1
            # Looked at after the clock was read; while the answer stays wrong this costs some of the next one's time.
            if _statuses(body) == expected:
                break
        if now - executed > 60:
            raise Failed("after a restart the agent's answer about its Pods stays another one")
        time.sleep(0.0005)
    cpu = measure.cpu_seconds([agent.agent.pid])
    return {
        "signal": signal.Signals(number).name,
        "end_ms": 1000 * (ended - began),
        "first_ms": 1000 * (first - executed),
        "correct_ms": 1000 * (now - executed),
        "answers": answers,
        "cpu_ms": 1000 * cpu,
    }


def _statuses(body):
    """All that the agent says about its Pods but for the versions, which are those of one agent's life."""
    pods = {pod["metadata"]["name"]: pod for pod in json.loads(body or b'{"items":[]}')["items"]}
    for pod in pods.values():
        del pod["metadata"]["resourceVersion"]
    return pods


def _pods(path):
    """The list of Pods as it came, or None while nobody answers."""
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.connect(path)
        connection.request("GET", "/api/v1/pods")
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def _compare(number, before, after):
    lost = [f"{before[pid][0]} (pid {pid})" for pid in before if after.get(pid) != before[pid]]
    new = [f"{after[pid][0]} (pid {pid})" for pid in after if before.get(pid) != after[pid]]
    faults = []
    if lost:
        faults.append(f"restart {number}: {len(lost)} processes are not the ones from before: {', '.join(lost[:3])}")
    if new:
        faults.append(f"restart {number}: {len(new)} processes are new: {', '.join(new[:3])}")
    return faults


def report(figures, options):
    lines = [
        f"{figures['pods']} Pods run, {figures['processes']} processes; milliseconds are p50 (min–max).",
        "",
        "| the agent is ended by | restarts | its end | exec to the first answer | exec to the first correct answer | aim "
        "| wrong answers before it | its processor time by then |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (each.name for each in SIGNALS):
        rows = [row for row in figures["restarts"] if row["signal"] == name]
        if not rows:
            continue
        spread = {key: measure.spread([row[key] for row in rows]) for key in ("end_ms", "first_ms", "correct_ms", "cpu_ms")}
        wrong = sum(row["answers"] - 1 for row in rows)
        lines.append(
            f"| {name} | {len(rows)} | {spread['end_ms']} | {spread['first_ms']} | {spread['correct_ms']} | < {AIM_MS} "
            f"| {wrong} | {spread['cpu_ms']} |"
        )
    return "\n".join(lines)
