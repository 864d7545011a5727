"""What becomes of a network for Pods on a kernel that lacks a part of what it takes: this one has no nftables for bridges."""

from checks import drop_in
from node import UNIT

REFUSAL = "cannot make the nftables table podagent: nft says"


def network(node, report):
    """A network that cannot be made whole is refused in one line, and nothing of it remains."""
    before = state(node)
    drop_in(node, "ExecStart=\nExecStart=/usr/local/bin/podagent serve --pod-cidr 10.88.0.0/24\nRestart=no")
    refused = node.machine.run(f"systemctl restart {UNIT}")
    said = node.sh(f"journalctl --no-pager -o cat -u {UNIT} -n 20")
    report.check("a kernel without nftables for bridges is refused", refused.code != 0 and REFUSAL in said, said)
    report.check("nothing is left of a network that was refused", state(node) == before, state(node))
    drop_in(node, None)
    done = node.machine.run(f"systemctl restart {UNIT}")
    report.check("without a network the agent starts again", done.code == 0, done.output)


def state(node):
    """Everything of the network that the agent could have changed."""
    return node.sh("ip -o link; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward")
