"""Where the measured program and its image are, and where a measurement takes place."""

import contextlib
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.join(REPOSITORY, ".build/release/podagent")
IMAGES = os.path.join(REPOSITORY, ".build/images")
STAMP_IMAGE = os.path.join(IMAGES, "stamp.tar")
BUSYBOX_IMAGE = os.path.join(IMAGES, "busybox.tar")


def compile_program(name, work):
    """Compiles NAME.c; where the program is."""
    program = os.path.join(work, name)
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("clang") or "cc"
    subprocess.run([compiler, "-O2", "-pthread", "-o", program, os.path.join(HERE, name + ".c")], check=True)
    return program


@contextlib.contextmanager
def private_directory(name, parent):
    """A directory for as long as it takes; below TMPDIR if no parent is given."""
    work = tempfile.mkdtemp(prefix=f"podagent-{name}.", dir=parent)
    # Containers that are not root's must reach what they write to.
    os.chmod(work, 0o711)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
