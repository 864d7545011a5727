"""What is checked, in the order in which it happens to the node. Each check is one line of the report."""

from node import NAME, UNIT, difference, status

CONTROLLERS = {"cpu", "memory", "pids"}
# The Pods of pods/ that go on for ever, and the ones that end.
RUNNING = ("steady", "again", "leaving")
ENDED = {"succeeded": ("Succeeded", 0, "Completed"), "failed": ("Failed", 3, "Error")}


def install(node, report, directory):
    """As the README says: files, unit, image, manifests. `directory` is what `make install` filled."""
    node.sh(f"mkdir -p /mnt/host && mount -t hostfs -o {directory} none /mnt/host")
    node.sh("cp -a /mnt/host/installed/. / && sync")
    started = node.machine.run(f"systemctl daemon-reload && systemctl enable --now {UNIT}")
    report.check("systemctl enable --now starts the unit", started.code == 0, started.output)
    report.check("the unit is active", node.unit("ActiveState") == "active", node.unit("ActiveState"))
    answer = node.answers()
    report.check("the agent answers on its socket", answer.output == "ok", answer.output)
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
