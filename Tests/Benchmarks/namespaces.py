"""Network namespaces of the measurement's own: nothing is made in the machine's. By ip(8), unshare(1) and nsenter(1)."""

import os
import re
import subprocess
import tempfile
import time

from subjects import Failed


class Place:
    """The network namespace of a process, to run commands in."""

    def __init__(self, pid):
        self.pid = pid

    def enter(self, *command):
        """The command line of a command that runs here."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    def run(self, *command):
        """What a command prints; it has to succeed."""
        ran = subprocess.run(self.enter(*command), capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            # The last line with a word in it: what is said in JSON ends in a brace.
            said = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if re.search(r"\w", line)]
            raise Failed(f"{' '.join(map(str, command))}: {said[-1] if said else 'no message'}")
        return ran.stdout

    def start(self, *command, ready):
        """Starts what runs until it is closed, and waits until it prints `ready`."""
        return Started(self.enter(*command), ready)

    def address(self, link):
        """The IPv4 address of a link."""
        words = self.run("ip", "-4", "-o", "address", "show", "dev", link).split()
        if "inet" not in words:
            raise Failed(f"{link} has no IPv4 address")
        return words[words.index("inet") + 1].partition("/")[0]


class Started:
    """A process that has said that it is ready, until it is closed."""

    def __init__(self, command, ready, patience_seconds=10):
        self.output = tempfile.TemporaryFile()
        # A session of its own: Ctrl-C is for the measurement, which then ends it in good order.
        self.process = subprocess.Popen(
            command, stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            deadline = time.monotonic() + patience_seconds
            while ready not in (said := os.pread(self.output.fileno(), 1 << 16, 0).decode(errors="replace")):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failed(f"{' '.join(command)} does not get ready: {' / '.join(said.splitlines()[-3:])}")
                time.sleep(0.01)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


class Namespace(Place):
    """A new network namespace with nothing but its loopback, until it is closed.

    It is held by a cat(1), which ends with its standard input: also when the measurement is killed."""

    def __init__(self):
        pipe = subprocess.PIPE
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=pipe, stdout=pipe, start_new_session=True)
        super().__init__(self.holder.pid)
        try:
            # What comes back has been through the new namespace.
            self.holder.stdin.write(b"\n")
            self.holder.stdin.flush()
            if self.holder.stdout.readline() != b"\n":
                raise Failed("unshare --net does not work here")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


def wire(left, right, name="out", addresses=(None, None)):
    """A veth pair, whose ends have the same name; each end is up, with an address (and length) if one is given."""
    left.run("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", f"/proc/{right.pid}/ns/net")
    for end, address in zip((left, right), addresses):
        if address:
            end.run("ip", "address", "add", address, "dev", name)
        end.run("ip", "link", "set", name, "up")
