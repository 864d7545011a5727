// The interpreter of launch plans. Everything here runs between clone3 and execve.
#include "launch.h"
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define DEVPTS_MAGIC 0x1cd1

const char *launch_text(const struct launch *l, const struct cns_step *s, int i) {
    return s->text[i] ? l->bytes + s->text[i] : NULL;
}

static int op_open(struct launch *l, const struct cns_step *s) {
    int fd = open(launch_text(l, s, 0), (int)s->word | O_CLOEXEC);
    if (fd < 0) return -1;
    l->slots[s->slot] = fd;
    return 0;
}

static int op_chdir(struct launch *l, const struct cns_step *s) {
    const char *path = launch_text(l, s, 0);
    return path ? chdir(path) : fchdir(l->slots[s->other]);
}

static int op_loopback(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request = {.ifr_name = "lo"};
    int result = ioctl(fd, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(fd, SIOCSIFFLAGS, &request);
    }
    close(fd);
    return result;
}

static int op_netlink(struct launch *l, const struct cns_step *s) {
    char message[CNS_NETLINK_MAX];
    memcpy(message, l->bytes + s->text[0], s->value);
    if (s->extra) memcpy(message + s->extra, &l->slots[s->other], sizeof(int));
    if (s->slot != CNS_SLOT_NONE) return cns_netlink(l->slots[s->slot], message, s->value);
    int fd = cns_netlink_open();
    if (fd < 0) return -1;
    int result = cns_netlink(fd, message, s->value);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static int op_write(struct launch *l, const struct cns_step *s) {
    int fd = open(launch_text(l, s, 0), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return -1;
    const char *value = launch_text(l, s, 1);
    ssize_t n = write(fd, value, strlen(value));
    int saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 0;
}

/// The null device that this plan made itself, checked to be no other: an image could have planted one.
int launch_open_null(const struct launch *l, uint16_t slot) {
    int fd = cns_openat2(l->slots[slot], "null", O_RDWR, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    struct stat st;
    if (fd < 0) return -1;
    if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) return fd;
    close(fd);
    errno = ENODEV;
    return -1;
}

static int op_stdio(struct launch *l, const struct cns_step *s) {
    static const int slots[] = {CNS_SLOT_STDIN, CNS_SLOT_STDOUT, CNS_SLOT_STDERR};
    for (int i = 0; i < 3; i++) {
        int fd = l->slots[slots[i]];
        if (fd < 0 && s->slot != CNS_SLOT_NONE) fd = launch_open_null(l, s->slot);
        if (fd < 0 || dup2(fd, i) < 0) return -1;
        // A program that opens /dev/stdout opens the pipe anew, and must be allowed to as the user it runs as.
        struct stat st;
        if (fstat(i, &st) == 0 && S_ISFIFO(st.st_mode) && fchown(i, (uid_t)s->value, (gid_t)-1) < 0) return -1;
    }
    return 0;
}

static int send_terminal(int report_fd, int master) {
    struct cns_report note = {.step = -1, .error = 0};
    return cns_send(report_fd, &note, sizeof note, &master, 1);
}

/// A terminal of the container's own devpts, so that its name means the same inside. pts(4), ioctl_tty(2).
static int op_terminal(struct launch *l, const struct cns_step *s) {
    struct statfs fs;
    int unlocked = 0, pts = l->slots[s->slot];
    if (fstatfs(pts, &fs) < 0) return -1;
    if (fs.f_type != DEVPTS_MAGIC) {
        errno = ENODEV;
        return -1;
    }
    int master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -1;
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0 || fchown(peer, (uid_t)s->value, (gid_t)-1) < 0) return -1;
    struct winsize size = {.ws_row = (unsigned short)(s->extra >> 16), .ws_col = (unsigned short)s->extra};
    if (s->extra && ioctl(peer, TIOCSWINSZ, &size) < 0) return -1;
    if (ioctl(peer, TIOCSCTTY, 0) < 0) return -1;
    if (s->other != CNS_SLOT_NONE) {
        int tree = cns_open_tree(peer, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
        if (tree < 0 || mknodat(l->slots[s->other], "console", S_IFREG | 0600, 0) < 0) return -1;
        int place = openat(l->slots[s->other], "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (place < 0 || cns_move_mount(tree, place) < 0) return -1;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(peer, i) < 0) return -1;
    return send_terminal(l->report_fd, master);
}

static int op_workdir(struct launch *l, const struct cns_step *s) {
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    int fd = launch_make_directories(root, launch_text(l, s, 0), 0755);
    if (fd < 0 || fchdir(fd) < 0) return -1;
    // A directory that is not beneath the root has no absolute name; CVE-2024-21626 was one.
    char here[4096];
    long length = syscall(SYS_getcwd, here, sizeof here);
    if (length < 0) return errno == ERANGE ? 0 : -1;
    if (here[0] == '/') return 0;
    errno = EXDEV;
    return -1;
}

static int op_bounding(const struct cns_step *s) {
    for (int cap = 0; cap < 64; cap++) {
        if (s->word & (1ull << cap)) continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) continue;
        return errno == EINVAL ? 0 : -1;  // past the last capability of this kernel
    }
    return 0;
}

static int op_capabilities(const struct cns_step *s) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted = (uint32_t)(s->word >> (32 * i));
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    return (int)syscall(SYS_capset, &header, data);
}

static int op_groups(struct launch *l, const struct cns_step *s) {
    const gid_t *groups = s->value ? (const gid_t *)(l->bytes + s->text[0]) : NULL;
    return setgroups(s->value, groups);
}

/// setresuid(2) takes -1 for "leave it"; a plan never means that.
static int op_identity(const struct cns_step *s) {
    if (s->word >= UINT32_MAX || s->value >= UINT32_MAX) {
        errno = EINVAL;
        return -1;
    }
    gid_t gid = (gid_t)s->value;
    uid_t uid = (uid_t)s->word;
    return setresgid(gid, gid, gid) < 0 ? -1 : setresuid(uid, uid, uid);
}

static void fill_list(const char **list, const char *strings, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        list[i] = strings;
        strings += strlen(strings) + 1;
    }
    list[count] = NULL;
}

/// Reports the step that runs. 0, or -1 and errno: EPIPE when the shim is gone.
static int say(struct launch *l, int error) {
    struct cns_report report = {.step = l->index, .error = error};
    return cns_send(l->report_fd, &report, sizeof report, NULL, 0);
}

/// Tries each directory of a search path as execvp(3) does, without its allocation.
static void exec_searching(const char *path, const char **argv, const char **envp) {
    char candidate[8192];
    size_t name = strlen(argv[0]);
    int denied = 0;
    errno = ENOENT;
    while (path) {
        const char *colon = strchrnul(path, ':');
        size_t length = (size_t)(colon - path);
        if (length + name + 2 <= sizeof candidate) {
            memcpy(candidate, path, length);
            candidate[length] = '/';
            memcpy(candidate + length + (length > 0), argv[0], name + 1);
            execve(candidate, (char *const *)argv, (char *const *)envp);
            if (errno == EACCES) denied = 1;
            else if (errno != ENOENT && errno != ENOTDIR) return;
        }
        path = *colon ? colon + 1 : NULL;
    }
    errno = denied ? EACCES : ENOENT;
}

static int op_exec(struct launch *l, const struct cns_step *s) {
    const char *argv[s->value + 1], *envp[s->extra + 1];
    fill_list(argv, l->bytes + s->text[0], s->value);
    fill_list(envp, l->bytes + s->text[1], s->extra);
    // Closed now, not by the exec: the kernel looks the program and its interpreter up before that, and an image may
    // call them /proc/self/fd/9/../../bin/sh. What is left beside the standard streams leads nowhere: a socket.
    if (l->report_fd != 3 && syscall(SYS_dup3, l->report_fd, 3, O_CLOEXEC) < 0) return -1;
    l->report_fd = 3;
    if (syscall(SYS_close_range, 4u, ~0u, 0) < 0 || say(l, 0) < 0) return -1;
    if (strchr(argv[0], '/')) execve(argv[0], (char *const *)argv, (char *const *)envp);
    else exec_searching(launch_text(l, s, 2), argv, envp);
    return -1;
}

/// Pause: the first process of the Pod's PID namespace. It reaps what is left to it, and its end is the Pod's.
static _Noreturn void become_pause(struct launch *l) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    if (l->title_size > sizeof "/pause") {
        memset(l->title, 0, l->title_size);
        memcpy(l->title, "/pause", sizeof "/pause");
    }
    prctl(PR_SET_NAME, "pause", 0, 0, 0);
    // Dies with the shim: without its parent nobody could write the Pod's logs or record how it ended.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (say(l, 0) < 0) _exit(127);  // it died before that call, and the signal will not come
    syscall(SYS_close_range, 0u, ~0u, 0);
    for (;;) {
        int unused;
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        sigwait(&child, &unused);
    }
}

static int run_step(struct launch *l, const struct cns_step *s) {
    switch ((enum cns_op)s->op) {
    case CNS_OP_JOIN:          return setns(l->slots[s->slot], (int)s->word);
    case CNS_OP_UNSHARE:       return unshare((int)s->word);
    case CNS_OP_PROPAGATION:   return mount(NULL, "/", NULL, s->word, NULL);
    case CNS_OP_OPEN:          return op_open(l, s);
    case CNS_OP_CHDIR:         return op_chdir(l, s);
    case CNS_OP_MOUNT:
        return mount(launch_text(l, s, 0), launch_text(l, s, 1), launch_text(l, s, 2), s->word, launch_text(l, s, 3));
    case CNS_OP_FILESYSTEM:    return launch_filesystem(l, s);
    case CNS_OP_CLONE_TREE:    return launch_clone_tree(l, s);
    case CNS_OP_ATTRIBUTES:
        return cns_mount_setattr(l->slots[s->slot], s->flags & CNS_STEP_RECURSIVE, s->word, s->value, s->extra);
    case CNS_OP_ATTACH:        return launch_attach(l, s);
    case CNS_OP_DIRECTORY:     return launch_directory(l, s);
    case CNS_OP_NODE:          return launch_node(l, s);
    case CNS_OP_SYMLINK:       return symlinkat(launch_text(l, s, 1), l->slots[s->slot], launch_text(l, s, 0));
    case CNS_OP_MASK:          return launch_mask(l, s);
    case CNS_OP_READ_ONLY:     return launch_read_only(l, s);
    case CNS_OP_PIVOT:         return launch_pivot(l, s);
    case CNS_OP_HOSTNAME:      return sethostname(launch_text(l, s, 0), strlen(launch_text(l, s, 0)));
    case CNS_OP_LOOPBACK:      return op_loopback();
    case CNS_OP_NETLINK:       return op_netlink(l, s);
    case CNS_OP_SESSION:       return setsid() < 0 ? -1 : 0;
    case CNS_OP_TERMINAL:      return op_terminal(l, s);
    case CNS_OP_STDIO:         return op_stdio(l, s);
    case CNS_OP_UMASK:         return umask((mode_t)s->word), 0;
    case CNS_OP_WRITE:         return op_write(l, s);
    case CNS_OP_WORKDIR:       return op_workdir(l, s);
    case CNS_OP_BOUNDING:      return op_bounding(s);
    case CNS_OP_GROUPS:        return op_groups(l, s);
    case CNS_OP_IDENTITY:      return op_identity(s);
    case CNS_OP_CAPABILITIES:  return op_capabilities(s);
    case CNS_OP_NO_NEW_PRIVS:  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case CNS_OP_EXEC:          return op_exec(l, s);
    case CNS_OP_PAUSE:         become_pause(l);
    case CNS_OP_COUNT:         break;
    }
    errno = ENOSYS;
    return -1;
}

/// Closes every descriptor that the plan does not name. The child begins with a copy of all that the shim has open
/// (other containers' logs and cgroups, podagent's socket): it may hang in a mount for long and must not hold them,
/// and who may trace it, with CAP_SYS_PTRACE in a shared PID namespace, must not reach the node through them.
static void close_all_but(const int *slots, int report_fd) {
    int keep[CNS_SLOTS_MAX + 1], count = 0;
    for (int i = -1; i < CNS_SLOTS_MAX; i++) {
        int fd = i < 0 ? report_fd : slots[i];
        if (fd < 3) continue;
        int at = count++;
        for (; at > 0 && keep[at - 1] > fd; at--) keep[at] = keep[at - 1];
        keep[at] = fd;
    }
    unsigned first = 3;
    for (int i = 0; i < count; i++) {
        if ((unsigned)keep[i] > first) syscall(SYS_close_range, first, (unsigned)keep[i] - 1, 0);
        if ((unsigned)keep[i] >= first) first = (unsigned)keep[i] + 1;
    }
    syscall(SYS_close_range, first, ~0u, 0);
}

_Noreturn void cns_run_plan(const void *plan, int *slots, int report_fd, char *title, size_t title_size) {
    const struct cns_plan *header = plan;
    const struct cns_step *steps = (const void *)(header + 1);
    struct launch l = {
        .bytes = plan, .slots = slots, .report_fd = report_fd, .title = title, .title_size = title_size};
    // Until the exec nobody in the Pod may trace this process or reach the host through its /proc entry.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    close_all_but(slots, report_fd);
    for (l.index = 0; l.index < (int)header->count; l.index++) {
        const struct cns_step *s = &steps[l.index];
        if (run_step(&l, s) == 0 || (s->flags & CNS_STEP_OPTIONAL)) continue;
        say(&l, errno);
        _exit(127);
    }
    say(&l, EINVAL);  // a plan that ends without becoming anything
    _exit(127);
}
