// The confinement of a process that reads what strangers wrote. All that needs a right comes first, and what takes the rights
// away comes last, before the first such byte.
#include "cnamespaces.h"
#include "launch.h"
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>

int cns_seccomp_files_only(void);

/// A layer can be fetched again; what else runs on the node cannot. Best effort: where the file cannot be written, the
/// agent's own score stays.
static void be_first_to_go(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!write(fd, "1000", 4);
    close(fd);
}

/// Makes the directory the only thing that there is.
///
/// The descriptor came from another mount namespace, in which its parent can be reached through it. So the copy of its
/// mount is made before that namespace is left (open_tree(2) copies none of another one), and the descriptor becomes one
/// of the new root.
static const char *enter_root(int root_fd) {
    int tree = (int)syscall(SYS_open_tree, root_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0) return "open_tree";
    uint64_t set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if (cns_mount_setattr(tree, 0, set, 0, cns_ms_private) < 0) return "mount_setattr";
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) return "unshare";
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return "mount";
    int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) return "open";
    if (cns_move_mount(tree, top) < 0) return "move_mount";
    if (fchdir(tree) < 0) return "fchdir";
    if (syscall(SYS_pivot_root, ".", ".") < 0) return "pivot_root";
    if (umount2(".", MNT_DETACH) < 0) return "umount2";
    if (chdir("/") < 0) return "chdir";
    close(top);
    close(tree);
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return "open";
    if (dup3(root, root_fd, O_CLOEXEC) < 0) return "dup3";
    close(root);
    return NULL;
}

/// A limit that is lower already stays: to raise it takes a right.
static int limit(int resource, uint64_t most) {
    struct rlimit now;
    if (getrlimit(resource, &now) < 0) return -1;
    if (now.rlim_max < most) most = now.rlim_max;
    now = (struct rlimit){.rlim_cur = most, .rlim_max = most};
    return setrlimit(resource, &now);
}

static int limit_all(const struct cns_confinement *what) {
// The shadow memory of a sanitizer counts as data.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
    if (limit(RLIMIT_DATA, what->data_bytes_max) < 0) return -1;
#endif
    /* Seconds. One that spins is not waited for for ever; an honest one of the largest layer needs minutes. */
    if (limit(RLIMIT_CPU, 3600) < 0) return -1;
    if (limit(RLIMIT_FSIZE, what->file_bytes_max) < 0) return -1;
    if (limit(RLIMIT_NOFILE, what->descriptors_max) < 0) return -1;
    return limit(RLIMIT_CORE, 0);
}

static const char *drop_rights(uint64_t capabilities) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return "prctl PR_SET_NO_NEW_PRIVS";
    // EINVAL is the kernel's word for a capability that it does not know, of which there is none behind the first.
    for (int capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL && capability > 0) break;
        return "prctl PR_CAPBSET_DROP";
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return "prctl PR_CAP_AMBIENT";
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted = (uint32_t)(capabilities >> (32 * i));
    if (syscall(SYS_capset, &header, data) < 0) return "capset";
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return "prctl PR_SET_DUMPABLE";
    return NULL;
}

const char *cns_confine(const struct cns_confinement *what) {
    be_first_to_go();
    const char *failed = enter_root(what->root_fd);
    if (failed) return failed;
    // A file beyond the limit, and a podagent that is gone, are error numbers.
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (limit_all(what) < 0) return "setrlimit";
    if ((failed = drop_rights(what->capabilities))) return failed;
    if (cns_seccomp_files_only() < 0) return "seccomp";
    return NULL;
}

int cns_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

void cns_enlarge_pipe(int fd, int size) {
    // What a user may have of pipes altogether can be used up (pipe(7), pipe-user-pages-soft); less will do.
    for (; size > 64 << 10; size /= 2)
        if (fcntl(fd, F_SETPIPE_SZ, size) >= 0) return;
}

ssize_t cns_write_pipe(int fd, const void *bytes, size_t size) {
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t written = write(fd, bytes, size);
    int saved = errno;
    // The signal is this thread's own (signal(7)). One that was pending before is somebody else's to take.
    static const struct timespec at_once;
    if (written < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return written;
}
