// System calls that the C library of the oldest supported distribution does not wrap, or that Swift cannot call
// because they are variadic. Each returns -1 and sets errno, as section 2 of the manual says.
#ifndef CNS_SYSCALLS_H
#define CNS_SYSCALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
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

/// fcntl(2) with an integer argument.
static inline int cns_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

/// strerror_r(3) in its POSIX form: 0, or an error number when `code` has no text.
int cns_strerror(int code, char *buffer, size_t size);

#endif
