"""The guest's base file system: Debian with systemd, made once and kept for later runs."""

import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
GUEST = os.path.join(HERE, "guest")

# systemd as PID 1; kmod, because the kernel asks for overlay by modprobe; nftables for the agent, and as the system's own
# firewall; curl, procps and iproute2 to look with. What the agent is linked to is added from the binary itself.
PACKAGES = ["systemd", "systemd-sysv", "kmod", "procps", "curl", "nftables", "iproute2"]
SIZE = "1G"
# Nobody reads manuals in there.
EXCLUDED = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"]

# Units that have nothing to do here, or wait for devices that there are not.
MASKED = [
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
    "systemd-timesyncd.service", "getty.target", "systemd-logind.service", "e2scrub_reap.service",
]

FSTAB = """\
/dev/root / ext4 errors=remount-ro 0 0
none /usr/lib/modules hostfs ro,{modules} 0 0
"""
MODULES = "/usr/lib/uml/modules"


class Failed(Exception):
    """Something outside the checks went wrong; the message is one line that says what to do."""


def release():
    """The code name of the Debian that this machine runs, which is also the guest's: libraries agree."""
    with open("/etc/os-release") as stream:
        values = dict(line.rstrip("\n").split("=", 1) for line in stream if "=" in line)
    if values.get("ID") != "debian" or "VERSION_CODENAME" not in values:
        raise Failed("the guest is made of this machine's Debian release, and this is no Debian release")
    return values["VERSION_CODENAME"].strip('"')


def libraries(binary):
    """The Debian packages that hold the libraries which `binary` is linked to."""
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    paths = [line.split("=>")[1].split()[0] for line in linked.splitlines() if "=> /" in line]
    packages = set()
    for path in paths:
        # On systems whose /lib is a link to /usr/lib, dpkg may know a file by either name.
        for name in (path, os.path.realpath(path), path.removeprefix("/usr")):
            found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
            if found.returncode == 0:
                packages.add(found.stdout.split(":")[0])
                break
        else:
            raise Failed(f"no Debian package holds {path}, which {binary} needs")
    return sorted(packages)


def base_image(directory, binary):
    """The path of the base file system, an ext4 image; made if it is not there or was made otherwise."""
    suite, packages = release(), sorted({*PACKAGES, *libraries(binary)})
    recipe = hashlib.sha256(repr((suite, packages, SIZE, EXCLUDED, MASKED, FSTAB)).encode())
    for path in [__file__, *(os.path.join(GUEST, name) for name in sorted(os.listdir(GUEST)))]:
        with open(path, "rb") as stream:
            recipe.update(stream.read())
    image = os.path.join(directory, f"base-{recipe.hexdigest()[:16]}.img")
    if not os.path.exists(image):
        _remove(*(os.path.join(directory, old) for old in os.listdir(directory) if old.startswith("base-")))
        _make(image, suite, packages)
    return image


def _make(image, suite, packages):
    tree, log, unfinished = image + ".tree", image + ".log", image + ".unfinished"
    print(f"making the guest's file system, once: {suite} with {' '.join(packages)}", flush=True)
    try:
        _run(log, ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}",
                   *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED), suite, tree])
        _furnish(tree)
        _run(log, ["mke2fs", "-q", "-t", "ext4", "-d", tree, unfinished, SIZE])
        os.rename(unfinished, image)
        _remove(log)
    finally:
        _remove(tree, unfinished)


def _remove(*paths):
    """Stays on this file system: what failed to make a tree may have left something mounted in it."""
    if paths:
        subprocess.run(["rm", "-rf", "--one-file-system", *paths], check=True)


def _run(log, command):
    with open(log, "a") as stream:
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False).returncode:
            raise Failed(f"{command[0]} failed: see {log}")


def _furnish(tree):
    """What turns an unpacked Debian into the guest."""
    _write(tree, "etc/hostname", "node-1\n")
    _write(tree, "etc/fstab", FSTAB.format(modules=MODULES))
    # Without one, systemd would take the first boot for that of a new machine and go through every unit's preset.
    _write(tree, "etc/machine-id", f"{1:032x}\n")
    # On disk, so that the journal of the first boot can be read after the power cut.
    _write(tree, "etc/systemd/journald.conf.d/vm.conf", "[Journal]\nStorage=persistent\nSystemMaxUse=32M\n")
    os.makedirs(os.path.join(tree, "var/log/journal"), exist_ok=True)
    os.makedirs(os.path.join(tree, "usr/lib/modules"), exist_ok=True)
    for unit in MASKED:
        os.symlink("/dev/null", os.path.join(tree, "etc/systemd/system", unit))
    _link(tree, "default.target", "/lib/systemd/system/multi-user.target")
    shutil.copy(os.path.join(GUEST, "control.service"), os.path.join(tree, "etc/systemd/system"))
    shutil.copy(os.path.join(GUEST, "control"), os.path.join(tree, "usr/local/sbin/control"))
    os.chmod(os.path.join(tree, "usr/local/sbin/control"), 0o755)
    os.makedirs(os.path.join(tree, "etc/systemd/system/multi-user.target.wants"), exist_ok=True)
    _link(tree, "multi-user.target.wants/control.service", "/etc/systemd/system/control.service")


def _link(tree, name, target):
    path = os.path.join(tree, "etc/systemd/system", name)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def _write(tree, path, text):
    full = os.path.join(tree, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w") as stream:
        stream.write(text)
