// Launch plans: what a process does between clone3 and execve, as data.
//
// PodCore compiles a plan, podagent sends it to podshim in a memory file, and the child of clone3 runs it: system
// calls on memory prepared beforehand, no allocation, no policy. A plan is one buffer:
//
//     struct cns_plan          header
//     struct cns_step [count]  the steps, in order
//     bytes                    strings, each ended by a NUL, found by their offset from the start of the buffer
//
// Descriptors are named by slots. The first slots are filled by the shim, those from CNS_SLOT_PASSED on with the
// descriptors that came with the plan, in order, and steps put what they open into the slot they name.
#ifndef CNS_LAUNCH_H
#define CNS_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#define CNS_PLAN_MAGIC 0x31504e43u /* "CNP1" */
#define CNS_STEPS_MAX 4096

enum cns_slot {
    CNS_SLOT_PAUSE = 0,    // pidfd of the Pod's pause process
    CNS_SLOT_TARGET = 1,   // pidfd of the container that an exec joins
    CNS_SLOT_STDIN = 2,
    CNS_SLOT_STDOUT = 3,
    CNS_SLOT_STDERR = 4,
    CNS_SLOT_PASSED = 8,   // first descriptor that came with the plan
    CNS_SLOTS_MAX = 512,
    CNS_SLOT_NONE = 0xffff,
};

enum cns_op {
    CNS_OP_JOIN = 1,      // setns(slot, word)
    CNS_OP_UNSHARE,       // unshare(word)
    CNS_OP_PROPAGATION,   // mount(NULL, "/", NULL, word): MS_REC | MS_PRIVATE and its like
    CNS_OP_OPEN,          // slot = open(text[0], word)
    CNS_OP_CHDIR,         // chdir(text[0]), or fchdir(other) when there is no text
    CNS_OP_MOUNT,         // mount(text[0], text[1], text[2], word, text[3]); only onto directories of our own
    CNS_OP_FILESYSTEM,    // slot = fsmount of a new filesystem text[0], options text[1], attributes word
    CNS_OP_CLONE_TREE,    // slot = open_tree(other, text[0], OPEN_TREE_CLONE | word)
    CNS_OP_ATTRIBUTES,    // mount_setattr(slot): set word, clear value, propagation extra; CNS_STEP_RECURSIVE
    CNS_OP_ATTACH,        // moves the mount `slot` onto text[0] beneath the root `other`, made if missing
    CNS_OP_DIRECTORY,     // makes the directory text[0] and its parents beneath `slot`, mode word
    CNS_OP_NODE,          // mknodat(slot, text[0], word, value), mode exactly as given
    CNS_OP_SYMLINK,       // symlinkat(text[1], slot, text[0])
    CNS_OP_MASK,          // hides text[0] beneath the mount `slot`: a file by the node `other`, a directory by a tmpfs
    CNS_OP_READ_ONLY,     // makes text[0] beneath the mount `slot` read-only
    CNS_OP_PIVOT,         // the mount `slot` becomes the root, the old root goes away
    CNS_OP_HOSTNAME,      // sethostname(text[0])
    CNS_OP_LOOPBACK,      // brings `lo` up
    CNS_OP_NETLINK,       // sends `value` bytes at text[0], one rtnetlink message, on the socket `slot`, or on one of its
                          // own; at `extra`, if not 0, with the number of the descriptor `other`
    CNS_OP_SESSION,       // setsid()
    CNS_OP_TERMINAL,      // a new terminal from the devpts `slot`: stdio, controlling, /dev/console on `other`
    CNS_OP_STDIO,         // the slots STDIN, STDOUT, STDERR become 0, 1, 2; an empty one is the null node in `slot`;
                          // pipes become the user `value`'s
    CNS_OP_UMASK,         // umask(word)
    CNS_OP_WRITE,         // writes text[1] to the existing file text[0]; only before the root is left: the host's /proc
    CNS_OP_WORKDIR,       // makes text[0] beneath / if missing and changes into it; magic links refused
    CNS_OP_BOUNDING,      // drops every capability that is not in word from the bounding set
    CNS_OP_GROUPS,        // setgroups: `value` 32-bit numbers at text[0]
    CNS_OP_IDENTITY,      // setresgid(value), setresuid(word)
    CNS_OP_CAPABILITIES,  // permitted and effective = word; inheritable and ambient empty
    CNS_OP_NO_NEW_PRIVS,  // prctl(PR_SET_NO_NEW_PRIVS)
    CNS_OP_EXEC,          // arguments text[0], environment text[1], search path text[2]
    CNS_OP_PAUSE,         // becomes the pause process
    CNS_OP_COUNT,
};

enum cns_step_flags {
    CNS_STEP_OPTIONAL = 1,   // a failure is passed over: for what the kernel may lack or the host may not allow
    CNS_STEP_RECURSIVE = 2,
    CNS_STEP_FILE = 4,       // ATTACH: a missing mount point is made as a file
    CNS_STEP_HERE = 8,       // ATTACH: the mount point is `other` itself
    CNS_STEP_NO_LINK = 16,   // ATTACH: a symbolic link in the place of the mount point is replaced, not followed
};

/// One step. Texts are offsets from the start of the buffer; 0 is "none". For EXEC, text[0] and text[1] are the
/// first of `value` arguments and of `extra` environment entries, which stand one after another.
struct cns_step {
    uint16_t op;
    uint16_t flags;
    uint16_t slot;
    uint16_t other;
    uint64_t word;
    uint64_t value;
    uint64_t extra;
    uint32_t text[4];
};
_Static_assert(sizeof(struct cns_step) == 48, "PodCore writes steps of 48 bytes");

struct cns_plan {
    uint32_t magic;
    uint32_t count;  // steps
    uint32_t size;   // of the whole buffer
    uint32_t reserved;
};
_Static_assert(sizeof(struct cns_plan) == 16, "PodCore writes a header of 16 bytes");

/// What the child says before it is gone. `step` is an index into the plan. An `error` of 0 says that the exec comes
/// next: if the channel then closes without another word, it went through.
struct cns_report {
    int32_t step;
    int32_t error;
};
_Static_assert(sizeof(struct cns_report) == 8, "the shim reads eight bytes");

/// Whether `plan` is well formed: every offset inside the buffer, every string ended, every slot in range. The child
/// runs only plans that pass, so it need not check anything again. 1 or 0.
int cns_plan_valid(const void *plan, size_t size);

/// Runs a plan in the child of clone3. Never returns. `report_fd` is a close-on-exec SOCK_SEQPACKET descriptor.
_Noreturn void cns_run_plan(const void *plan, int *slots, int report_fd, char *title, size_t title_size);

#endif
