// Small calls of the shim whose C interface is a macro, variadic or a union.
#ifndef CNS_SHIM_H
#define CNS_SHIM_H

#include "cns_syscalls.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static const int cns_wall_flag = __WALL;

static inline int cns_errno(void) { return errno; }
static inline void cns_set_errno(int value) { errno = value; }
static inline void *cns_map_failed(void) { return MAP_FAILED; }
static inline int cns_prctl_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
static inline int cns_prctl_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static inline int fcntl_cloexec(int fd) { return fcntl(fd, F_SETFD, FD_CLOEXEC); }
static inline void cns_set_nonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK | fcntl(fd, F_GETFL)); }

/// CLOCK_REALTIME in nanoseconds.
static inline int64_t cns_wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Whether the peer of a Unix socket runs as our own user. unix(7), SO_PEERCRED. 1 or 0.
int cns_peer_is_owner(int fd);

/// A socket for the way between podagent and a shim; it does not block. Here, because whether Swift finds the names of
/// socket types in a file depends on which modules that include <sys/socket.h> the others import.
static inline int cns_shim_socket(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// A report channel: ours does not block.
static inline int cns_channel(int *ours, int *childs) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
    cns_set_nonblocking(pair[0]);
    *ours = pair[0];
    *childs = pair[1];
    return 0;
}

/// pipe2(2), close-on-exec.
int cns_pipe(int *read_end, int *write_end);

/// Whether a read would not block.
static inline int cns_readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/// Kills every process of a cgroup. cgroup.kill, Linux 5.14.
static inline void cns_kill_cgroup(int cgroup_fd) {
    int fd = openat(cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!write(fd, "1", 1);
    close(fd);
}

static inline void cns_set_window(int fd, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    ioctl(fd, TIOCSWINSZ, &size);
}

/// The memory of this process's argv[0], which ps(1) shows and pause renames itself in, and its size in bytes.
char *cns_title(size_t *size);

/// The shim ends when podagent says so or by SIGKILL: what a shell or a node that shuts down sends to everybody is
/// the containers' to answer. Writing to a reader that is gone, or beyond a limit, is an error number, not a signal.
/// Children begin with all signals as usual.
static inline void cns_ignore_signals(void) {
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
}

static const int cns_shutdown_both = SHUT_RDWR;

/// The other side of a terminal, by its master; -1 and errno. TIOCGPTPEER, ioctl_tty(2).
static inline int cns_terminal_peer(int master) { return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC); }

static inline int cns_is_regular(struct stat status) { return S_ISREG(status.st_mode); }

static inline int cns_is_socket(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

#endif
