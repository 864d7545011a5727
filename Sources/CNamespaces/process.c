#include "cnamespaces.h"
#include "launch.h"
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

_Static_assert(CNS_NAMESPACE_MOUNT == CLONE_NEWNS && CNS_NAMESPACE_UTS == CLONE_NEWUTS, "as the kernel counts");
_Static_assert(CNS_NAMESPACE_IPC == CLONE_NEWIPC && CNS_NAMESPACE_PID == CLONE_NEWPID, "as the kernel counts");
_Static_assert(CNS_NAMESPACE_NETWORK == CLONE_NEWNET, "as the kernel counts");

/// With CLONE_PARENT the child takes over its maker's exit signal, and clone3 wants to be given none.
static pid_t clone_into(uint64_t flags, int cgroup_fd, int *pidfd) {
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
    args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/// The child inherits the handlers and the mask of its maker; no program expects to be born with them. By number, for
/// the C library will not touch the two signals that it uses itself (nptl(7)), and an ignored one would stay ignored.
void cns_default_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    // The kernel's struct sigaction, all zero: SIG_DFL, no flags, empty mask.
    static const unsigned long standard[4];
    for (int signal = 1; signal < _NSIG; signal++) syscall(SYS_rt_sigaction, signal, standard, NULL, 8);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

struct nested {
    const struct cns_birth *birth;
    int *pidfd;
    pid_t pid;
    int error;
    int done;  // the midwife has lived to tell
};

static pid_t clone_child(const struct cns_birth *birth, uint64_t flags, int *pidfd) {
    pid_t pid = clone_into(birth->flags | flags, birth->cgroup_fd, pidfd);
    if (pid != 0) return pid;
    cns_default_signals();
    cns_run_plan(birth->plan, birth->slots, birth->report_fd, birth->title, birth->title_size);
}

static int nested_midwife(void *argument) {
    struct nested *n = argument;
    n->pid = clone_child(n->birth, CLONE_NEWPID | CLONE_PARENT, n->pidfd);
    n->error = errno;
    n->done = 1;
    return 0;
}

/// The number of a process as this PID namespace counts, from its pidfd. pidfd_open(2), proc_pid_fdinfo(5).
static pid_t pid_of(int pidfd) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = 0;
    const char *line = strstr(text, "\nPid:");
    return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

/// The number of a child that was counted by another PID namespace when it was born. One whose number cannot be had,
/// for want of a descriptor, could never be waited for by us, so it ends here. Its pid, or -1 and errno.
static pid_t known_child(int *pidfd) {
    pid_t pid = pid_of(*pidfd);
    if (pid > 0) return pid;
    int saved = errno;
    siginfo_t unused;
    cns_pidfd_send_signal(*pidfd, SIGKILL);
    while (waitid(P_PIDFD, (id_t)*pidfd, &unused, WEXITED | __WALL) < 0 && errno == EINTR) {}
    close(*pidfd);
    *pidfd = -1;
    errno = saved;
    return -1;
}

/// The kernel makes a PID namespace only inside the caller's own. So a helper that lives in the Pod's namespace, and
/// shares our memory and descriptors while we wait for it, clones the child; CLONE_PARENT makes us its parent.
static pid_t clone_nested(const struct cns_birth *birth, int *pidfd) {
    // The child goes on with it until its exec: it holds the lists of up to 2 * 65536 arguments and variables.
    // What is not touched costs nothing.
    static char stack[2 << 20] __attribute__((aligned(16)));
    struct nested n = {.birth = birth, .pidfd = pidfd, .pid = -1, .error = ECHILD, .done = 0};
    *pidfd = -1;
    pid_t helper = clone(nested_midwife, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &n);
    if (helper < 0) return -1;
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) {}
    // When pause dies the kernel kills the helper with all of the Pod, perhaps between the birth and its word of it. The
    // child would then stay a zombie for ever, and pause with it, which waits for the last of its namespace. A clone that
    // went through has left its pidfd open; one that did not may have left its number. Nobody else opens anything here.
    int born = n.done ? n.pid > 0 : *pidfd >= 0 && fcntl(*pidfd, F_GETFD) >= 0;
    errno = n.error;
    return born ? known_child(pidfd) : -1;
}

pid_t cns_give_birth(const struct cns_birth *birth, int *pidfd) {
    static int own = -1;
    if (birth->pid_namespace_fd < 0 && !birth->nested) return clone_child(birth, 0, pidfd);
    if (own < 0) own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (own < 0 || (birth->pid_namespace_fd >= 0 && setns(birth->pid_namespace_fd, CLONE_NEWPID) < 0)) return -1;
    pid_t pid = birth->nested ? clone_nested(birth, pidfd) : clone_child(birth, 0, pidfd);
    int saved = errno;
    // Back to our own, where the next child belongs. The kernel always lets one, short of memory; who could not go
    // back would make the next sandbox inside this one.
    if (setns(own, CLONE_NEWPID) < 0) abort();
    errno = saved;
    return pid;
}

const char *cns_kernel_lacks(void) {
    // Each call is made with arguments that cannot succeed; ENOSYS alone says that the kernel does not know it.
    struct clone_args none;
    memset(&none, 0, sizeof none);
    if (syscall(SYS_clone3, &none, 0) < 0 && errno == ENOSYS) return "clone3 (Linux 5.3)";
    if (cns_openat2(-1, "", 0, 0, 0) < 0 && errno == ENOSYS) return "openat2 (Linux 5.6)";
    if (syscall(SYS_close_range, 2u, 1u, 0) < 0 && errno == ENOSYS) return "close_range (Linux 5.9)";
    if (cns_mount_setattr(-1, 0, 0, 0, 0) < 0 && errno == ENOSYS) return "mount_setattr (Linux 5.12)";
    return NULL;
}

int cns_sealed_memory(const char *name, const void *bytes, size_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, (const char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) goto failed;
        done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) goto failed;
    return fd;
failed:;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
