"""What is checked, in the order in which it happens to the node. Each check is one line of the report."""

import json

import time

from node import NAME, UNIT, difference, status

CONTROLLERS = {"cpu", "memory", "pids"}
# The Pods of pods/ that go on for ever, and the ones that end.
RUNNING = ("steady", "again", "leaving")
ENDED = {"succeeded": ("Succeeded", 0, "Completed"), "failed": ("Failed", 3, "Error")}


def install(node, report, directory):
    """As the README says: files, unit, image, manifests. `directory` is what `make install` filled."""
    node.sh(f"mkdir -p /mnt/host && mount -t hostfs -o {directory} none /mnt/host")
    node.sh("cp -a /mnt/host/installed/. / && sync")
    started = node.machine.run(f"systemctl daemon-reload && systemctl enable --now {UNIT} podagent-shutdown")
    report.check("systemctl enable --now starts the unit", started.code == 0, started.output)
    report.check("the unit is active", node.unit("ActiveState") == "active", node.unit("ActiveState"))
    answer = node.machine.run("curl -sSf --unix-socket /run/podagent/podagent.sock http://localhost/healthz")
    report.check("a started unit is one whose agent answers", answer.output == "ok", answer.output)
    complaints = node.sh(f"journalctl -b --no-pager -p warning -o cat _PID=1 | grep -F {UNIT} || :")
    report.check("systemd understands every line of the unit", not complaints, complaints)
    loaded = node.machine.run("podagent image load /mnt/host/busybox.tar")
    report.check("an image is loaded", loaded.code == 0, loaded.output)
    node.sh("cp /mnt/host/pods/*.yaml /etc/pods/ && sync")


def pods_run(node, report):
    """Every Pod is what its manifest makes of it."""
    each = [f"podagent wait pod {name} --for condition=Ready --timeout 20s" for name in RUNNING]
    waited = node.until(" && ".join(each))
    report.check("Pods run when their files are dropped", waited.code == 0, waited.output)
    counts = {name: status(node.pods()[name])["restartCount"] for name in RUNNING}
    expected = {"steady": 0, "again": 1, "leaving": 0}
    report.check("restart counts are 0, and 1 after a failure", counts == expected, counts)
    for name, expected in ENDED.items():
        # Whether it came to that is checked below.
        node.machine.run(f"podagent wait pod {name} --for phase={expected[0]} --timeout 20s")
        pod = node.pods()[name]
        end = status(pod)["state"].get("terminated", {})
        seen = (pod["status"]["phase"], end.get("exitCode"), end.get("reason"))
        report.check(f"the Pod {name} shows phase, exit code and reason of its end", seen == expected, seen)


def controllers(node, report):
    """What cgroup v2 hands down: to the unit, and to where the Pods are."""
    path = node.unit("ControlGroup")
    seen = set(node.sh(f"cat /sys/fs/cgroup{path}/cgroup.controllers").split())
    report.check("cpu, memory and pids are delegated to the unit", seen >= CONTROLLERS, sorted(seen))
    report.check("systemd has the unit's subtree delegated", node.unit("Delegate") == "yes", node.unit("Delegate"))
    tree = node.sh("dirname $(find /sys/fs/cgroup -type d -name 'pod????????????????????????????????' | head -1)")
    seen = set(node.sh(f"cat {tree}/cgroup.controllers").split())
    report.check("cpu, memory and pids reach the Pods' tree", seen >= CONTROLLERS, f"{tree}: {sorted(seen)}")


def journal(node, report):
    """The agent's messages, with the priority that each has."""
    line = f"journalctl -b --no-pager -u {UNIT} -o cat"
    text = node.sh(line)
    report.check("the journal has the agent's messages", f"serves node {NAME}" in text, text)
    notice = node.sh(f"{line} -p notice..notice")
    right = f"serves node {NAME}" in notice and "<5>" not in notice
    report.check("the journal knows their priorities", right, notice)


def ready(node, report):
    """sd_notify READY and STATUS: who asks right after a restart gets a whole answer."""
    before = node.snapshot()
    done = node.machine.run(f"systemctl restart {UNIT}")
    changed = difference(before, node.snapshot())
    report.check("a restarted unit is one that knows its Pods", done.code == 0 and not changed, done.output or changed)
    text = node.unit("StatusText")
    expected = "5 Pods: 3 running, 1 succeeded, 1 failed"
    report.check("systemctl status says how many Pods there are", text == expected, text)


CONFIGURATION = "/etc/podagent.yaml"


def reload(node, report):
    """`systemctl reload`: a good configuration is taken over, a broken one is not, and neither disturbs anything."""
    _drop_in(node, f"ExecStart=\nExecStart=/usr/local/bin/podagent serve --config {CONFIGURATION}")
    _configure(node, "{}")
    node.sh(f"systemctl restart {UNIT}")
    before, pid = node.snapshot(), node.unit("MainPID")

    _configure(node, "{restartBackoff: 2s, logFormat: json, bridge: br7}")
    line = _reload(node, report, "configuration reloaded", "warning", "of a good configuration")
    message = line.get("message", "")
    parts = ("log-format in effect", "restart-backoff in effect for Pods that begin", "bridge NOT in effect")
    report.check("it says what holds since when", all(part in message for part in parts), line)
    report.check("JSON lines bear the node's name", (line.get("node"), line.get("level")) == (NAME, "warning"), line)

    _configure(node, "{restartBackoff: soon, logFormat: text}")
    line = _reload(node, report, "the configuration is refused", "err", "of a broken configuration")
    where = f"{CONFIGURATION}:1: restartBackoff must be a duration"
    report.check("it says what is wrong, and where", where in line.get("message", ""), line)
    report.check("a reload is no restart", (node.unit("MainPID"), node.unit("ActiveState")) == (pid, "active"), pid)
    changed = difference(before, node.snapshot())
    report.check("a reload disturbs no container", not changed, changed)

    failed = node.machine.run(f"systemctl restart {UNIT}")
    said = node.sh(f"journalctl -b --no-pager -u {UNIT} -o cat -p err..err")
    # The reload's line is JSON; this one comes before there is a format.
    refused = failed.code != 0 and any(line.startswith(where) for line in said.splitlines())
    report.check("a start with a broken configuration fails, with an error that says why", refused, said)
    _configure(node, "{}")
    node.answers()
    _drop_in(node, None)
    done = node.machine.run(f"systemctl restart {UNIT}")
    changed = difference(before, node.snapshot())
    report.check("with a good one it starts again", done.code == 0 and not changed, done.output or changed)


def _drop_in(node, settings):
    """Adds settings to the unit's section Service, as `systemctl edit` does it; None takes them away again."""
    directory = f"/etc/systemd/system/{UNIT}.d"
    text = f"mkdir -p {directory} && printf '[Service]\n%b\n' '{settings}' >{directory}/test.conf"
    node.sh((text if settings else f"rm -r {directory}") + " && systemctl daemon-reload")


def _configure(node, text):
    node.sh(f"echo '{text}' >{CONFIGURATION}")


def _reload(node, report, words, priority, what):
    """The line of JSON that the agent writes of a reload, looked for under the priority that it must have."""
    done = node.machine.run(f"systemctl reload {UNIT}")
    # systemctl waits for the signal to be sent, and for the end of the reload only if it has begun by then.
    query = f"journalctl -b --no-pager -u {UNIT} -o cat -p {priority}..{priority}"
    found = node.until(f"{query} | grep -F '{words}'")
    report.check(f"systemctl reload {what}: priority {priority} in the journal", done.code + found.code == 0, found.output)
    try:
        return json.loads(found.output.splitlines()[0])
    except (ValueError, IndexError):
        return {"message": found.output}


def watchdog(node, report):
    """sd_notify WATCHDOG: a hung agent is killed and started again. SIGSTOP is a hang without a test hook."""
    limit = node.unit("WatchdogUSec")
    report.check("the unit has a watchdog", limit == "30s", limit)
    # Shorter, to wait less.
    _drop_in(node, "WatchdogSec=5s")
    node.sh(f"systemctl restart {UNIT}")
    before, pid = node.snapshot(), node.unit("MainPID")
    node.sh("sleep 12")
    report.check("an agent that is well is left alone", node.unit("MainPID") == pid, node.unit("SubState"))
    node.sh(f"kill -STOP {pid}")
    back = node.until(f"pid=$(systemctl show --value -p MainPID {UNIT}); [ $pid != 0 ] && [ $pid != {pid} ]", 60)
    said = node.sh(f"journalctl -b --no-pager -o cat _PID=1 | grep -F {UNIT} || :")
    replaced = back.code == 0 and "Watchdog timeout" in said
    report.check("the watchdog replaces a hung agent", replaced, said)
    node.answers()
    node.until(f"[ $(systemctl show --value -p SubState {UNIT}) = running ]")
    changed = difference(before, node.snapshot())
    report.check("a hung agent and its end disturb no container", not changed, changed)
    _drop_in(node, None)
    node.sh(f"systemctl restart {UNIT}")


def restart(node, report):
    """`systemctl restart`, as an upgrade does it. Twice, because the second finds what the first left."""
    before, pid = node.snapshot(), node.unit("MainPID")
    for name in ("systemctl restart succeeds", "systemctl restart succeeds a second time"):
        done = node.machine.run(f"systemctl restart {UNIT}")
        report.check(name, done.code == 0, done.output)
        node.answers()
    report.check("a restart is a new agent", node.unit("MainPID") not in (pid, "0"), f"still {pid}")
    changed = difference(before, node.snapshot())
    report.check("a restart disturbs no container", not changed, changed)


def killed(node, report):
    """SIGKILL: systemd is there to start the agent again."""
    before, pid = node.snapshot(), node.unit("MainPID")
    node.sh(f"kill -KILL {pid}")
    back = node.until(f"pid=$(systemctl show --value -p MainPID {UNIT}); [ $pid != 0 ] && [ $pid != {pid} ]")
    report.check("systemd starts a killed agent again", back.code == 0, node.unit("SubState"))
    node.answers()
    changed = difference(before, node.snapshot())
    report.check("a killed agent disturbs no container", not changed, changed)


def reload_manager(node, report):
    """systemd reads its units anew, and is replaced by itself as an upgrade does it."""
    before = node.snapshot()
    node.sh("systemctl daemon-reload && systemctl daemon-reexec")
    changed = difference(before, node.snapshot())
    report.check("daemon-reload and daemon-reexec disturb no container", not changed, changed)


def stop(node, report):
    """To stop the agent is to stop deciding."""
    before = node.snapshot()
    count = "podagent logs steady -c counter --tail 1"
    first = int(node.sh(count))
    done = node.machine.run(f"systemctl stop {UNIT}")
    report.check("systemctl stop succeeds", done.code == 0 and node.unit("ActiveState") == "inactive", done.output)
    gone = {"processes": node.processes(), "containers": before["containers"]}
    changed = difference(before, gone)
    report.check("containers run on without the agent", not changed, changed)
    lines = "cat /var/log/pods/default_steady-*/counter/*.log | wc -l"
    grown = node.until(f"[ $({lines}) -gt {first + 2} ]")
    report.check("what they print is logged without the agent", grown.code == 0, node.sh(lines))
    node.sh(f"systemctl start {UNIT}")
    node.answers()
    changed = difference(before, node.snapshot())
    report.check("the agent takes them up again as they are", not changed, changed)
    logged = node.sh("podagent logs steady -c counter").split()
    whole = logged == [str(number + 1) for number in range(len(logged))] and len(logged) > first
    report.check("`podagent logs` shows that, without a gap", whole, logged[-10:])


def cut_while_stopped(node, report):
    """The agent is stopped, one manifest goes, and so does the power."""
    when = "after stop and power cut"
    before = node.pods()
    node.sh(f"systemctl stop {UNIT} && rm /etc/pods/leaving.yaml && sync")
    node.machine.power_cut()
    report.boot(node.machine)
    came_up(node, report, when)
    pods_back(node, report, before, when)

    gone = node.until("! podagent get pods -o name | grep -q leaving")
    shown = node.sh("podagent get pods")
    report.check("a Pod whose manifest went meanwhile does not come back", gone.code == 0, shown)
    uid = before["leaving"]["metadata"]["uid"]
    left = node.until(f"! find /sys/fs/cgroup /var/lib/podagent /run/podagent -name '*{uid}*' | grep .")
    report.check("nothing is left of it", left.code == 0, left.output)


def cut_while_running(node, report):
    """The agent has no warning either."""
    when = "after a power cut"
    before = node.pods()
    node.machine.power_cut()
    report.boot(node.machine)
    came_up(node, report, when)
    pods_back(node, report, before, when)


def came_up(node, report, when):
    answer = node.answers()
    report.check(f"the agent starts by itself {when}", answer.output == "ok", answer.output)


def pods_back(node, report, before, when):
    """They are the same Pods: what ended stays ended, what ran runs again and says what became of it."""
    waited = node.until("podagent wait pod steady again --for condition=Ready --timeout 20s")
    report.check(f"Pods run again {when}", waited.code == 0, waited.output)
    pods = node.pods()
    same = {name: pods[name]["metadata"]["uid"] == before[name]["metadata"]["uid"] for name in pods}
    report.check(f"they are the same Pods {when}", all(same.values()), same)
    for name, container in (("steady", "counter"), ("steady", "idle"), ("again", "main")):
        was, now = status(before[name], container), status(pods[name], container)
        counts = (was["restartCount"], now["restartCount"])
        report.check(f"{name}/{container} was restarted once {when}", counts[1] == counts[0] + 1, counts)
        last = now["lastState"].get("terminated", {})
        lost = (last.get("reason"), last.get("exitCode")) == ("ContainerStatusUnknown", 137)
        report.check(f"{name}/{container} says that its end is unknown {when}", lost, last)
    for name in ENDED:
        states = (status(before[name])["state"], status(pods[name])["state"])
        report.check(f"{name} is not run again {when}", states[0] == states[1], states)


POLITE = """
apiVersion: v1
kind: Pod
metadata: {name: polite}
spec:
  restartPolicy: RESTART
  containers:
    - name: main
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sh, -c, 'trap "sleep 2; exit CODE" TERM; while :; do sleep 1 & wait $!; done']
"""


def orderly_shutdown(node, report):
    """An orderly power off ends Pods in their grace, and what became of them is known after the next boot."""
    for name, policy, code in (("polite", "OnFailure", "0"), ("once", "Never", "9")):
        text = POLITE.replace("polite", name).replace("RESTART", policy).replace("CODE", code)
        node.sh(f"cat >/etc/pods/{name}.yaml <<'END'{text}END")
        node.sh(f"podagent wait pod {name} --for condition=Ready --timeout 20s")
    before = node.pods()
    node.sh("sync")
    began = time.monotonic()
    node.machine.power_off()
    took = time.monotonic() - began
    report.check("an orderly power off takes less than 45 s", took < 45, f"{took:.0f} s")
    report.boot(node.machine)
    came_up(node, report, "after an orderly power off")
    node.sh("podagent wait pod polite steady --for condition=Ready --timeout 20s")
    pods = node.pods()
    last = status(pods["polite"])["lastState"].get("terminated", {})
    report.check("a container's own exit code survives the shutdown", last.get("exitCode") == 0, last)
    steady = status(pods["steady"], "idle")["lastState"].get("terminated", {})
    known = (steady.get("exitCode"), steady.get("reason"))
    report.check("so does that of one that had to be killed", known == (137, "Error"), known)
    counts = [status(each["polite"])["restartCount"] for each in (before, pods)]
    report.check("what the shutdown ended runs again after the boot", counts == [0, 1], counts)
    once = (pods["once"]["status"]["phase"], pods["once"]["status"].get("reason"))
    report.check("a Pod that may not run twice has been terminated", once == ("Failed", "Terminated"), once)
