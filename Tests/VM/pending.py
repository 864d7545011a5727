"""Checks of what PodAgent does not have yet, in one place. `run.py --pending` tries them all.

When one of these things is there, move its function to checks.py and its call to run.py's list.
"""

import time

from node import UNIT, status


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
    ("memory, cpu and pids controllers are used for limits", controllers_used),
    ("graceful node shutdown", graceful_shutdown),
]
