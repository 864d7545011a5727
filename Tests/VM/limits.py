"""What becomes of requests and limits: values of the kernel's, and the reasons of those that exceed them."""

import json

from checks import drop_in
from node import UNIT, status

CONTAINER = """
    - name: NAME
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sh, -c, 'COMMAND']
      resources: RESOURCES"""

# Doubles a word until there is no memory for it.
GREEDY = "x=x; while :; do x=$x$x; done"


def put(node, name, containers, policy="Always", mounts=""):
    """A Pod of containers, each a name, a command and its resources."""
    head = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: {policy}\n"
    if mounts:
        head += "  volumes: [{name: go, hostPath: {path: /var/tmp/go, type: DirectoryOrCreate}}]\n"
    text = "".join(
        CONTAINER.replace("NAME", each).replace("COMMAND", command).replace("RESOURCES", resources) + mounts
        for each, command, resources in containers
    )
    node.sh(f"cat >/etc/pods/{name}.yaml <<'END'\n{head}  containers:{text}\nEND")


def cgroup(node, name):
    uid = node.pods()[name]["metadata"]["uid"]
    return node.sh(f"find /sys/fs/cgroup -type d -name 'pod{uid}'")


def values(node, report):
    """Requests and limits are the kernel's values, of the container and of the Pod, and stay so."""
    limited = "{requests: {cpu: 50m}, limits: {memory: 32Mi, cpu: 100m}}"
    put(node, "limited", [("main", "sleep infinity", limited), ("other", "sleep infinity", "{limits: {cpu: 1}}")])
    node.sh("podagent wait pod limited --for condition=Ready --timeout 20s")
    tree = cgroup(node, "limited")
    expected = {
        "main-0/cpu.max": "10000 100000", "main-0/cpu.weight": "11", "main-0/memory.max": "33554432",
        "main-0/memory.oom.group": "1", "main-0/pids.max": "max", "other-0/memory.max": "max",
        "cpu.max": "110000 100000", "cpu.weight": "41", "memory.max": "max", "../cpu.weight": "39",
    }
    for when in ("", " after a restart of the agent"):
        seen = {file: node.sh(f"cat {tree}/{file}") for file in expected}
        report.check(f"requests and limits are the kernel's values{when}", seen == expected, seen)
        node.sh(f"systemctl restart {UNIT}")
        node.answers()
    inside = node.sh("podagent exec limited -c main -- cat /proc/self/cgroup")
    report.check("an exec is limited with its container", inside.endswith("/main-0") or inside == "0::/", inside)
    nodes = json.loads(node.sh("curl -sS --unix-socket /run/podagent/podagent.sock http://localhost/api/v1/nodes"))
    conditions = {each["type"]: each["status"] for each in nodes["items"][0]["status"]["conditions"]}
    report.check("the node says that it enforces them", conditions.get("ResourcesEnforced") == "True", conditions)
    shown = status(node.pods()["limited"], "main").get("resources")
    asked = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "32Mi"}}
    report.check("so does the container's status", shown == asked, shown)
    events = node.sh("podagent events")
    report.check("and no Pod is told otherwise", "ResourcesNotEnforced" not in events, events)
    node.sh("rm /etc/pods/limited.yaml")


def refused(node, report):
    """A value that the kernel does not take is no container, and says which."""
    put(node, "refused", [("main", "sleep infinity", "{limits: {cpu: 1E}}"), ("free", "sleep infinity", "{}")])
    told = node.until("podagent get pod refused -o json | grep -q CreateContainerError")
    state = status(node.pods()["refused"], "main")["state"].get("waiting", {})
    says = told.code == 0 and "main-0/cpu.max" in state["message"] and "Invalid argument" in state["message"]
    report.check("a limit that the kernel refuses is a CreateContainerError with file and errno", says, state)
    node.sh("rm /etc/pods/refused.yaml")


def out_of_memory(node, report):
    """One that takes more than it may dies with all its processes, and its neighbour does not notice."""
    both = "sleep infinity & " + GREEDY
    limit = "{limits: {memory: 32Mi}}"
    put(node, "greedy", [("greedy", both, limit), ("calm", "sleep infinity", limit)], policy="Never")
    node.until("podagent get pod greedy -o json | grep -q OOMKilled")
    pod = node.pods()["greedy"]
    end = status(pod, "greedy")["state"].get("terminated", {})
    seen = (end.get("reason"), end.get("exitCode"))
    report.check("a container over its memory limit is OOMKilled", seen == ("OOMKilled", 137), end)
    calm = status(pod, "calm")
    report.check("its neighbour runs on", "running" in calm["state"] and calm["restartCount"] == 0, calm)
    shown = node.sh("podagent get pods")
    report.check("get pods shows the reason", "OOMKilled" in shown, shown)
    node.sh("rm /etc/pods/greedy.yaml")


def out_of_memory_meanwhile(node, report):
    """The same without an agent, and in a Pod that is limited as a whole. Its shim must live to tell, also when it was
    started by an agent that the OOM killer does not spare, in a Pod that it spares."""
    drop_in(node, "OOMScoreAdjust=0")
    node.sh(f"systemctl restart {UNIT}")
    node.answers()
    mounts = "\n      volumeMounts: [{name: go, mountPath: /go}]"
    wait = "until [ -e /go/now ]; do sleep 0.1; done; " + GREEDY
    put(node, "late", [("main", wait, "{limits: {cpu: 1, memory: 32Mi}}")], policy="Never", mounts=mounts)
    node.sh("podagent wait pod late --for condition=Ready --timeout 20s")
    tree = cgroup(node, "late")
    whole = node.sh(f"cat {tree}/memory.max")
    report.check("a Pod whose containers are all limited is limited as a whole", whole == "33554432", whole)
    # The container's first process; its others come and go.
    score = "while read -r pid; do cat /proc/$pid/oom_score_adj; done"
    scores = [node.sh(f"head -n {count} {tree}/{leaf}/cgroup.procs | {score}").split()
              for leaf, count in (("shim", 2), ("main-0", 1))]
    spared = [sorted(each) for each in scores] == [["-998", "-999"], ["-997"]]
    report.check("shim, pause and a Guaranteed container are spared in that order", spared, scores)
    node.sh(f"systemctl stop {UNIT} && touch /var/tmp/go/now")
    killed = node.until(f"grep -q '^oom_kill [1-9]' {tree}/main-0/memory.events")
    report.check("an OOM kill is counted without the agent", killed.code == 0, killed.output)
    node.sh(f"systemctl start {UNIT}")
    node.sh("podagent wait pod late --for phase=Failed --timeout 20s")
    end = status(node.pods()["late"])["state"].get("terminated", {})
    seen = (end.get("reason"), end.get("exitCode"))
    report.check("and told by the next one", seen == ("OOMKilled", 137), end)
    node.sh("rm -r /etc/pods/late.yaml /var/tmp/go")
    drop_in(node, None)
    node.sh(f"systemctl restart {UNIT}")
    node.answers()
