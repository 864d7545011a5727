"""Checks of what PodAgent does not have yet, in one place. `run.py --pending` tries them all.

When one of these things is there, move its function to checks.py and its call to run.py's list.
"""

import time

from node import UNIT, difference, status


def ready_notification(node, report):
    """sd_notify READY=1: with Type=notify, `systemctl start` returns when the agent answers, not earlier."""
    done = node.machine.run(f"systemctl restart {UNIT} && podagent get pods")
    report.check("a started unit is one that answers", node.unit("Type") == "notify" and done.code == 0, done.output)
    report.check("STATUS= says how many Pods there are", "Pod" in node.unit("StatusText"), node.unit("StatusText"))


def watchdog(node, report):
    """sd_notify WATCHDOG=1: a hung agent is killed and started again. SIGSTOP is a hang without a test hook."""
    before, pid = node.snapshot(), node.unit("MainPID")
    limit = node.sh(f"systemctl show --value -p WatchdogUSec {UNIT}")
    if not report.check("the unit has a watchdog", limit not in ("0", "infinity"), limit):
        return
    node.sh(f"kill -STOP {pid}")
    back = node.until(f"[ $(systemctl show --value -p MainPID {UNIT}) != {pid} ]", 90)
    report.check("the watchdog replaces a hung agent", back.code == 0, node.unit("SubState"))
    node.answers()
    changed = difference(before, node.snapshot())
    report.check("a hung agent and its end disturb no container", not changed, changed)


LIMITED = """
apiVersion: v1
kind: Pod
metadata: {name: limited}
spec:
  containers:
    - name: main
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sleep, infinity]
      resources: {limits: {memory: 32Mi, cpu: 100m}}
    - name: greedy
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sh, -c, 'x=x; while :; do x=$x$x; done']
      resources: {limits: {memory: 32Mi}}
"""


def controllers_used(node, report):
    """Limits reach the kernel, hold over a restart of the agent, and OOM kills are told."""
    node.sh(f"cat >/etc/pods/limited.yaml <<'END'{LIMITED}END")
    oom = node.until("podagent get pod limited -o json | grep -q OOMKilled")
    report.check("a container over its memory limit is OOMKilled", oom.code == 0, node.sh("podagent get pods"))
    if oom.code:
        return
    uid = node.pods()["limited"]["metadata"]["uid"]
    leaf = f"$(find /sys/fs/cgroup -type d -path '*/pod{uid}/main-*' | head -1)"
    for when in ("", " after a restart of the agent"):
        limits = node.sh(f"cat {leaf}/memory.max {leaf}/cpu.max").splitlines()
        report.check(f"memory and cpu limits are the kernel's{when}", limits == ["33554432", "10000 100000"], limits)
        node.sh(f"systemctl restart {UNIT}")
        node.answers()
    node.sh("rm /etc/pods/limited.yaml")


POLITE = """
apiVersion: v1
kind: Pod
metadata: {name: polite}
spec:
  containers:
    - name: main
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sh, -c, 'trap "sleep 2; exit 9" TERM; while :; do sleep 1 & wait $!; done']
"""


def graceful_shutdown(node, report):
    """An orderly power off ends Pods in their grace, with their exit codes known after the next boot."""
    node.sh(f"cat >/etc/pods/polite.yaml <<'END'{POLITE}END")
    node.sh("podagent wait pod polite --for condition=Ready --timeout 20s")
    began = time.monotonic()
    node.machine.power_off()
    took = time.monotonic() - began
    report.check("an orderly power off takes less than 30 s", took < 30, f"{took:.0f} s")
    report.boot(node.machine)
    node.answers()
    node.sh("podagent wait pod polite --for condition=Ready --timeout 20s")
    last = status(node.pods()["polite"])["lastState"].get("terminated", {})
    report.check("a container's own exit code survives the shutdown", last.get("exitCode") == 9, last)


# What is missing, in words, and what will check it.
PENDING = [
    ("sd_notify READY and STATUS", ready_notification),
    ("sd_notify WATCHDOG: a hung agent is replaced", watchdog),
    ("memory, cpu and pids controllers are used for limits", controllers_used),
    ("graceful node shutdown", graceful_shutdown),
]
