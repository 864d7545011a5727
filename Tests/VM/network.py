"""Pods with addresses on a kernel whose network comes in modules, beside a firewall of the system's own."""

from checks import drop_in
from node import UNIT

SERVER = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: busybox:1.36
      imagePullPolicy: Never
      command: [sh, -c, 'mkdir /www; echo served >/www/index.html; exec httpd -f -h /www']
      ports: [{containerPort: 80, hostPort: 8080}]
"""

# Another machine on a wire with this one. Gone with the power.
NEIGHBOUR = """
ip netns add neighbour
ip link add out type veth peer name out netns neighbour
ip address add 192.0.2.1/24 dev out; ip link set out up; ip link set lo up
ip -n neighbour address add 192.0.2.2/24 dev out; ip -n neighbour link set out up
"""

ASK_LOOPBACK = "curl -sS --max-time 2 http://127.0.0.1:8080/"
ASK_NEIGHBOUR = "ip netns exec neighbour curl -sS --max-time 2 http://192.0.2.1:8080/"


def network(node, report):
    """A port of the node outlives what happens to the node's firewall, the agent and the power."""
    node.sh(NEIGHBOUR)
    drop_in(node, "ExecStart=\nExecStart=/usr/local/bin/podagent serve --pod-cidr 10.88.0.0/24,fd00:88::/64")
    node.sh(f"systemctl restart {UNIT}")
    node.answers()
    node.sh(f"cat >/etc/pods/web.yaml <<'END'{SERVER}END")
    node.sh("podagent wait pod web --for condition=Ready --timeout 20s")
    addresses = told(node)
    report.check("a Pod has an address of either family", len(addresses) == 2, addresses)
    reached(node, report, "at first")

    # Debian's own: flushes the ruleset, and loads one with chains for input, forward and output.
    node.sh("systemctl start nftables && systemctl restart nftables")
    reached(node, report, "after a restart of the system's firewall")
    events = node.until("podagent events | grep FirewallRestored")
    report.check("an event says who it was", "nft had changed" in events.output, events.output)
    tables = node.sh("nft list tables")
    report.check("the system's rules are left alone", "table inet filter" in tables, tables)

    node.sh(f"systemctl restart {UNIT}")
    node.answers()
    report.check("the Pod keeps its addresses over a restart of the agent", told(node) == addresses, told(node))
    reached(node, report, "after a restart of the agent")

    node.sh("sync")
    node.machine.power_cut()
    report.boot(node.machine)
    node.answers()
    node.sh(NEIGHBOUR)
    node.sh("podagent wait pod web --for condition=Ready --timeout 20s")
    report.check("and over a power cut", told(node) == addresses, told(node))
    reached(node, report, "after a power cut")

    node.sh("rm /etc/pods/web.yaml && podagent wait pod web --for delete --timeout 20s")
    gone = node.machine.run(ASK_NEIGHBOUR)
    report.check("a port without a Pod is closed", gone.code != 0, gone.output)
    left = node.sh("ip -o link show master podagent0; nft list map inet podagent port4 | grep elements; true")
    report.check("nothing is left of the Pod's network", left == "", left)


def told(node):
    return [each["ip"] for each in node.pods()["web"]["status"].get("podIPs", [])]


def reached(node, report, when):
    for name, ask in (("the node's loopback", ASK_LOOPBACK), ("a neighbour", ASK_NEIGHBOUR)):
        answer = node.until(ask, seconds=10)
        report.check(f"{name} reaches a Pod by a port of the node {when}", answer.output == "served", answer.output)
