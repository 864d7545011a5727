"""Checks of what PodAgent does not have yet, in one place. `run.py --pending` tries them all.

When one of these things is there, move its function to checks.py and its call to run.py's list.
"""

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


# What is missing, in words, and what will check it.
PENDING = [
    ("memory, cpu and pids controllers are used for limits", controllers_used),
]
