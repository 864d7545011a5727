"""A machine in a process: User-Mode-Linux with a disk, a console that is logged, and a line to its root shell."""

import os
import select
import signal
import socket
import subprocess
import time

from base import Failed

KERNEL = "linux.uml"
BOOT_SECONDS = 90


class Result:
    """What a script in the guest printed, and its exit code."""

    def __init__(self, code, output):
        self.code = code
        self.output = output


class Machine:
    """One guest. Its disk outlives its boots; a power cut loses what the guest's kernel had not written."""

    def __init__(self, directory, base, memory="1G"):
        self.directory = directory
        self.memory = memory
        # Only what differs from the base is written, to a file of the run's own.
        self.disk = f"{os.path.join(directory, 'disk.cow')},{base}"
        self.console = os.path.join(directory, "console.log")
        self.process = None
        self.line = None
        self.buffer = b""
        self.boots = 0
        self.scripts = 0

    def boot(self):
        """Powers on; returns when systemd has started its services. Seconds that it took."""
        began = time.monotonic()
        self.boots += 1
        self.line, guest = socket.socketpair()
        self.buffer = b""
        with guest, open(self.console, "ab") as console:
            self.process = subprocess.Popen(
                self._command(guest.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=[guest.fileno()],
            )
        if self._read_line(began + BOOT_SECONDS) != "ready":
            raise Failed(f"the guest answered nonsense; its console: {self.console}")
        return time.monotonic() - began

    def _command(self, line):
        # A PID namespace, because the guest is many processes: ending its first one ends them all. And should this
        # program be killed, the kernel ends the guest.
        return [
            "setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--mount-proc", "--fork", "--kill-child=SIGKILL",
            KERNEL, f"mem={self.memory}", f"ubd0={self.disk}", "root=/dev/ubda", "rw",
            f"uml_dir={self.directory}/", f"umid=boot{self.boots}",
            "con=null", "con0=null,fd:1", "ssl=null", f"ssl0=fd:{line}", "quiet", "systemd.show_status=0",
        ]

    def run(self, script, seconds=60):
        """Runs a POSIX shell script in the guest as root. Its output is standard output and error together."""
        self.scripts += 1
        token = f"--script-{self.scripts}--"
        deadline = time.monotonic() + seconds
        self.line.sendall(f"{token}\n{script}\n{token}\n".encode())
        lines = []
        while True:
            line = self._read_line(deadline)
            word, _, code = line.partition(" ")
            if word == token:
                # The token stands on a line of its own, for which a line break was added.
                return Result(int(code), "\n".join(lines[:-1] if lines and not lines[-1] else lines))
            lines.append(line)

    def _read_line(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f"the guest does not answer in time; its console: {self.console}")
            if select.select([self.line], [], [], min(left, 1))[0]:
                received = self.line.recv(65536)
                if not received:
                    raise Failed(f"the guest has ended; its console: {self.console}")
                self.buffer += received
            elif self.process.poll() is not None:
                raise Failed(f"the guest ended with {self.process.returncode}; its console: {self.console}")
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode(errors="replace")

    def power_off(self, seconds=180):
        """An orderly shutdown; returns when the machine is off."""
        self.line.sendall(b"--off--\nsystemctl poweroff\n--off--\n")
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"the guest does not power off in {seconds} s; its console: {self.console}") from None
        self._off()

    def power_cut(self):
        """The plug is pulled: nothing in the guest gets to do anything."""
        if self.process is None:
            return
        # The guest's first process is unshare(1)'s only child, and unshare waits for it; if there is none yet, or no
        # more, it is unshare that has to go.
        if self.process.poll() is None:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as stream:
                guest = [int(pid) for pid in stream.read().split()]
            for pid in guest or [self.process.pid]:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self._off()

    def _off(self):
        """Waits until the guest's processes are gone: the last one closes the line, and lets go of the disk."""
        self.line.settimeout(30)
        try:
            while self.line.recv(65536):
                pass
        except TimeoutError:
            raise Failed("the guest was killed and does not go") from None
        except ConnectionResetError:
            pass  # Gone, with something unread.
        finally:
            self.line.close()
            self.process = None
