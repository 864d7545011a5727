// System calls that the C library of the oldest supported distribution does not wrap, or that Swift cannot call
// because they are variadic. Each returns -1 and sets errno, as section 2 of the manual says.
#ifndef CNS_SYSCALLS_H
#define CNS_SYSCALLS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The C library shows these only to those who define _GNU_SOURCE, and Swift's own view of it does not: a header that
// did would give Swift two definitions of one structure. Values from the kernel's asm-generic/fcntl.h, linux/fcntl.h.
#ifndef O_PATH
#define O_PATH 010000000
#endif
#ifndef O_TMPFILE
#define O_TMPFILE 020200000
#endif
#ifndef F_SETSIG
#define F_SETSIG 10
#endif
#ifndef F_SETLEASE
#define F_SETLEASE 1024
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/// MS_PRIVATE of mount(2), which two headers define in two ways.
static const uint64_t cns_ms_private = 1 << 18;

/// openat2(2): opens `path` beneath `dirfd` under the RESOLVE_* rules given. The door to every container's files.
static inline int cns_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

/// openat(2) with a fixed argument list.
static inline int cns_openat(int dirfd, const char *path, int flags, mode_t mode) {
    return openat(dirfd, path, flags | O_CLOEXEC, mode);
}

/// open_tree(2): a descriptor of a mount, or with OPEN_TREE_CLONE a detached copy of it.
static inline int cns_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC);
}

/// move_mount(2) from one descriptor onto another; no path takes part.
static inline int cns_move_mount(int from_fd, int to_fd) {
    return (int)syscall(SYS_move_mount, from_fd, "", to_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/// mount_setattr(2) on the mount that `fd` stands for; with `recursive`, on every mount beneath it too.
static inline int cns_mount_setattr(int fd, int recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    unsigned flags = 0x1000 /* AT_EMPTY_PATH */ | (recursive ? 0x8000 /* AT_RECURSIVE */ : 0);
    return (int)syscall(SYS_mount_setattr, fd, "", flags, &attr, sizeof attr);
}

/// Moves the calling thread alone.
static inline int cns_setns(int fd, int kinds) { return (int)syscall(SYS_setns, fd, kinds); }

/// pidfd_open(2).
static inline int cns_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/// pidfd_send_signal(2): signals the process that `pidfd` stands for, never a later one of the same number.
static inline int cns_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/// renameat2(2).
static inline int cns_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

/// fsetxattr(2). (<sys/xattr.h> would bring <sys/select.h> along, whose fd_set is another one than Swift's.)
static inline int cns_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    return (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
}

/// fgetxattr(2).
static inline ssize_t cns_fgetxattr(int fd, const char *name, void *value, size_t size) {
    return syscall(SYS_fgetxattr, fd, name, value, size);
}

/// ioctl(2) with a pointer argument, for terminals.
static inline int cns_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }

/// socket(2): a Unix stream socket, close-on-exec from birth. Called by number, as accept4 below: <sys/socket.h>
/// would define fd_set in this module otherwise than other C modules do, and Swift could import only one of them.
static inline int cns_unix_stream_socket(void) {
    return (int)syscall(SYS_socket, 1 /* AF_UNIX */, 1 /* SOCK_STREAM */ | O_CLOEXEC /* = SOCK_CLOEXEC */, 0);
}

/// socket(2): a Unix datagram socket, close-on-exec and non-blocking from birth.
static inline int cns_unix_datagram_socket(void) {
    return (int)syscall(SYS_socket, 1 /* AF_UNIX */, 2 /* SOCK_DGRAM */ | O_CLOEXEC | O_NONBLOCK /* = SOCK_ */, 0);
}

/// accept4(2): the next connection, close-on-exec from birth.
static inline int cns_accept(int fd) {
    return (int)syscall(SYS_accept4, fd, NULL, NULL, O_CLOEXEC /* = SOCK_CLOEXEC */);
}

/// syncfs(2): what was written to the filesystem that `fd` is on is on its disk.
static inline int cns_syncfs(int fd) { return (int)syscall(SYS_syncfs, fd); }

/// signalfd(2) for a set of signals, bit n-1 for signal n: what is read from it are structures of 128 bytes that begin
/// with the signal's number. Called by number for the sake of <signal.h>, as socket above.
static inline int cns_signalfd(uint64_t signals) {
    return (int)syscall(SYS_signalfd4, -1, &signals, sizeof signals, O_CLOEXEC | O_NONBLOCK /* = SFD_ */);
}

/// mallopt(3), M_ARENA_MAX: how many heaps all threads together have. Not zero if it worked.
static inline int cns_limit_heaps(int count) {
    extern int mallopt(int parameter, int value);
    return mallopt(-8 /* M_ARENA_MAX */, count);
}

/// fcntl(2) with an integer argument.
static inline int cns_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

/// strerror_r(3) in its POSIX form: 0, or an error number when `code` has no text.
int cns_strerror(int code, char *buffer, size_t size);

#endif
