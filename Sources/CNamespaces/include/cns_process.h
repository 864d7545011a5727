// Making processes. The only places where anything is cloned.
#ifndef CNS_PROCESS_H
#define CNS_PROCESS_H

#include "cns_launch.h"
#include <stdint.h>
#include <sys/types.h>

/// The kinds of namespace, for those who do not see <sched.h>.
enum cns_namespace {
    CNS_NAMESPACE_MOUNT = 0x00020000,
    CNS_NAMESPACE_UTS = 0x04000000,
    CNS_NAMESPACE_IPC = 0x08000000,
    CNS_NAMESPACE_PID = 0x20000000,
    CNS_NAMESPACE_NETWORK = 0x40000000,
};

/// A child that runs a plan. For callers with one thread and no allocation in flight: the shim.
struct cns_birth {
    uint64_t flags;         // enum cns_namespace
    int cgroup_fd;          // it is born in; -1: the caller's
    int pid_namespace_fd;   // a pidfd: it is born in that process's PID namespace; -1: the caller's
    int nested;             // in a PID namespace of its own, inside that one
    const void *plan;       // valid
    int *slots;
    int report_fd;
    char *title;            // the memory of the caller's argv[0], which pause renames itself in
    size_t title_size;
};

/// Clones the child. The caller is its parent in every case. Returns its pid in the caller's PID namespace and fills
/// `pidfd`, or -1 and errno.
pid_t cns_give_birth(const struct cns_birth *birth, int *pidfd);

/// What to start as a fresh program from a process that has threads.
struct cns_program {
    int program_fd;          // the program itself, executed by descriptor
    char *const *arguments;
    char *const *environment;
    const int *descriptors;  // become 3, 4, … in the new program
    int descriptor_count;
    int cgroup_fd;           // -1: the caller's
    uint64_t namespaces;     // enum cns_namespace: those that it is born in anew
};

/// Clones and executes. The child calls nothing but the kernel between the two. 0, 1 and 2 become /dev/null.
/// Returns the pid and fills `pidfd`, or -1 and errno, also when it was the exec that failed.
pid_t cns_spawn(const struct cns_program *what, int *pidfd);

/// A program of the node's that is run to its end.
struct cns_command {
    const char *path;  // may be a script, which cannot be executed by descriptor: execveat(2), BUGS
    char *const *arguments;
    char *const *environment;
    int standard[3];  // become 0, 1 and 2; above 2 themselves
    int cgroup_fd;    // -1: the caller's
};

/// Clones and executes, from a process that has threads. The command leads a session and a process group of its own, and
/// has no other descriptors. Returns the pid and fills `pidfd`, or -1 and errno, also when it was the exec that failed.
pid_t cns_run_command(const struct cns_command *what, int *pidfd);

/// Asks the kernel what this version of podagent cannot do without. NULL, or the name of the first thing missing.
const char *cns_kernel_lacks(void);

/// A write-sealed memory file with the given content; -1 and errno on failure.
int cns_sealed_memory(const char *name, const void *bytes, size_t size);

#endif
