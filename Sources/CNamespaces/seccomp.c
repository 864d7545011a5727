// A seccomp filter for a process that reads a stream and makes files, and does nothing else. What is not listed does not
// exist for it (ENOSYS): there is no exec, no clone, no mount, no socket, no ptrace, bpf, keyctl or io_uring, and no opening
// by handle. The C library copes with calls that a kernel does not have, so one that a later version of it tries first is
// no reason to die.
#include "cnamespaces.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "podagent runs on x86-64 and arm64 only"
#endif

static const int allowed[] = {
    // streams
    SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close, SYS_ppoll,
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_sendmsg, SYS_recvmsg, SYS_fcntl, SYS_dup, SYS_dup3,
    // files
    SYS_openat, SYS_openat2, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_fstatfs, SYS_getdents64, SYS_readlinkat,
    SYS_faccessat, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_renameat2, SYS_fchown,
    SYS_fchownat, SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_ftruncate, SYS_fsetxattr,
#ifdef SYS_renameat
    SYS_renameat,
#endif
    // memory
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
    // itself
    SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_prlimit64, SYS_sysinfo, SYS_uname,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_getrandom, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday,
    SYS_exit, SYS_exit_group,
};

/// Memory, but never to run what is in it: neither code that somebody wrote into memory, nor a library that a
/// layer has at a place where the C library looks for one.
static const int allowed_without_exec[] = {SYS_mmap, SYS_mprotect};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define PROT_EXEC_BIT 4

int cns_seccomp_files_only(void) {
    struct sock_filter program[8 + 2 * COUNT(allowed) + 5 * COUNT(allowed_without_exec)];
    unsigned short n = 0;
    // The numbers below are this architecture's. Those of another one would mean other calls.
    program[n++] = (struct sock_filter)LOAD(arch);
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0);
    program[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
    program[n++] = (struct sock_filter)LOAD(nr);
    for (unsigned i = 0; i < COUNT(allowed); i++) {
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
        program[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    }
    for (unsigned i = 0; i < COUNT(allowed_without_exec); i++) {
        unsigned number = (unsigned)allowed_without_exec[i];
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
        program[n++] = (struct sock_filter)LOAD(args[2]);  // the lower half: both architectures are little-endian
        program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC_BIT, 0, 1);
        program[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EPERM);
        program[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    }
    program[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
    struct sock_fprog filter = {.len = n, .filter = program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}
