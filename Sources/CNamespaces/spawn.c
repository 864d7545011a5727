// Programs that podagent starts itself: podshim, itself to unpack a layer, nft, CNI plugins. It has threads and a large memory, so the child is not
// given a copy of that, of which each page in use would cost it and podagent a little: it runs in podagent's own memory, on a
// stack of its own, while the thread that wants it waits for its execve (vfork(2)).
#include "cnamespaces.h"
#include "launch.h"
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK_SIZE (64 << 10)

/// What the child is told, and what it says: why there was no exec, or 0.
struct spawning {
    const struct cns_program *program;
    const struct cns_command *command;
    int error;
};

/// clone3(2) on a stack of the child's own, which cannot return into its caller: `body` never returns. The C library has no
/// function for that, and clone(2) none for a child that is born in its cgroup.
static long clone3_calling(struct clone_args *args, void (*body)(void *), void *argument) {
#if defined(__x86_64__)
    long result;
    register void (*function)(void *) __asm__("r8") = body;
    register void *passed __asm__("r9") = argument;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r9, %%rdi\n\t"
        "call *%%r8\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "a"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(function), "r"(passed)
        : "rcx", "r11", "memory", "cc");
    return result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register long result __asm__("x0") = (long)args;
    register long size __asm__("x1") = sizeof *args;
    register void (*function)(void *) __asm__("x10") = body;
    register void *passed __asm__("x11") = argument;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x11\n\t"
        "blr x10\n\t"
        "brk #1\n"
        "1:"
        : "+r"(result)
        : "r"(number), "r"(size), "r"(function), "r"(passed)
        : "memory", "cc");
    return result;
#else
#error "podagent starts processes on x86-64 and arm64 only"
#endif
}

/// Puts `from[i]` at `3 + i`. First all are moved above the target range, so that none is overwritten unread.
static int place_descriptors(const int *from, int count) {
    int high[16];
    for (int i = 0; i < count; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3 + 16)) < 0) return -1;
    for (int i = 0; i < count; i++)
        if (dup2(high[i], 3 + i) < 0) return -1;
    return 0;
}

static void execute_program(const struct cns_program *what) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int program = fcntl(what->program_fd, F_DUPFD_CLOEXEC, 64);
    if (null < 0 || program < 0) return;
    for (int i = 0; i < 3; i++)
        if (dup2(null, i) != i) return;
    if (place_descriptors(what->descriptors, what->descriptor_count) < 0) return;
    syscall(SYS_close_range, 3u + (unsigned)what->descriptor_count, ~0u, CLOSE_RANGE_CLOEXEC);
    chdir("/");
    syscall(SYS_execveat, program, "", what->arguments, what->environment, AT_EMPTY_PATH);
}

static void execute_command(const struct cns_command *what) {
    for (int i = 0; i < 3; i++)
        if (dup2(what->standard[i], i) != i) return;
    syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    chdir("/");
    execve(what->path, what->arguments, what->environment);
}

/// The child. It changes nothing in the memory but its own stack, the answer, and the errno of the thread that waits.
static void spawned(void *argument) {
    struct spawning *s = argument;
    cns_default_signals();
    setsid();
    if (s->program) execute_program(s->program);
    if (s->command) execute_command(s->command);
    s->error = errno;
    _exit(127);
}

static pid_t spawn(struct spawning *s, int cgroup_fd, uint64_t namespaces, int *pidfd) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | namespaces;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
    args.exit_signal = SIGCHLD;
    args.stack = (uint64_t)(uintptr_t)stack;
    args.stack_size = STACK_SIZE;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_fd;
    }
    // A handler of podagent's that ran in the child would do so in podagent's memory. By the kernel's own call: the C
    // library would leave out the two signals that it uses itself.
    static const unsigned long all = ~0UL;
    unsigned long before;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long pid = clone3_calling(&args, spawned, s);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    munmap(stack, STACK_SIZE);
    if (pid < 0) {
        errno = (int)-pid;
        return -1;
    }
    if (s->error == 0) return (pid_t)pid;
    while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
    close(*pidfd);
    errno = s->error;
    return -1;
}

pid_t cns_spawn(const struct cns_program *what, int *pidfd) {
    if (what->descriptor_count > 16) {
        errno = EINVAL;
        return -1;
    }
    struct spawning s = {.program = what};
    return spawn(&s, what->cgroup_fd, what->namespaces, pidfd);
}

pid_t cns_run_command(const struct cns_command *what, int *pidfd) {
    for (int i = 0; i < 3; i++) {
        if (what->standard[i] > 2) continue;
        errno = EBADF;
        return -1;
    }
    struct spawning s = {.command = what};
    return spawn(&s, what->cgroup_fd, 0, pidfd);
}
