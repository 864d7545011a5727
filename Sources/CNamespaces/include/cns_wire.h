// What podagent and podshim say to each other: one fixed structure in each direction over a SOCK_SEQPACKET socket,
// with descriptors beside it. The structures stand here once and both sides import them.
#ifndef CNS_WIRE_H
#define CNS_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define CNS_WIRE_VERSION 1
#define CNS_DESCRIPTORS_MAX 240  // SCM_MAX_FD is 253

enum cns_request_kind {
    CNS_REQUEST_HELLO = 1,   // answered by CNS_EVENT_WELCOME, one CNS_EVENT_RUN for each run, CNS_EVENT_REPLAYED
    CNS_REQUEST_SANDBOX,     // makes the pause process; descriptors: plan, cgroup, then the plan's own
    CNS_REQUEST_CONTAINER,   // starts a container; descriptors: plan, cgroup, log directory, then the plan's own
    CNS_REQUEST_EXEC,        // starts a process in a container; descriptors: plan, cgroup, [stdin, stdout, stderr]
    CNS_REQUEST_SIGNAL,      // sends `signal` to the process `run`, 0 for pause
    CNS_REQUEST_FORGET,      // the exit of `run` is recorded durably; its record may go
    CNS_REQUEST_RESIZE,      // sets the window size of the terminal of `run`
    CNS_REQUEST_END,         // the Pod is over: the shim leaves when nothing runs any more
    CNS_REQUEST_LISTEN,      // podagent's socket is another one from now on; descriptor: it, listening
};

enum cns_request_flags {
    CNS_REQUEST_PID_NAMESPACE = 1,  // SANDBOX, CONTAINER: the process is the first of a new PID namespace
    CNS_REQUEST_POD_PID = 2,        // CONTAINER: it is born inside pause's PID namespace
    CNS_REQUEST_TERMINAL = 4,       // the plan makes a terminal
    CNS_REQUEST_STDIN = 8,          // CONTAINER: standard input stays open
    CNS_REQUEST_NETWORK_NAMESPACE = 16,  // SANDBOX: its own network, IPC namespaces
    CNS_REQUEST_IPC_NAMESPACE = 32,
    CNS_REQUEST_UTS_NAMESPACE = 64,
};

struct cns_request {
    uint32_t version;
    uint32_t kind;
    uint64_t run;      // podagent's number for the process; never used twice in the life of a shim; 0 is pause
    uint64_t target;   // EXEC: the run it joins
    uint32_t flags;
    int32_t signal;
    uint64_t log_bytes_max;  // the log is rotated before it grows beyond this
    uint32_t log_files_max;  // files kept for one container instance, the current one included
    uint16_t rows;
    uint16_t columns;
    char log_name[32];
    char label[112];   // comes back with every event of the run, so that a restarted podagent knows it
};
_Static_assert(sizeof(struct cns_request) == 192, "both sides exchange 192 bytes");

enum cns_event_kind {
    CNS_EVENT_WELCOME = 1,
    CNS_EVENT_RUN,       // replay: the state of a run
    CNS_EVENT_REPLAYED,  // end of the replay
    CNS_EVENT_STARTED,   // the program is running; a terminal's descriptor beside it for EXEC
    CNS_EVENT_FAILED,    // it could not be started: `step` and `error`
    CNS_EVENT_EXITED,    // `status` as wait(2) gives it
    CNS_EVENT_REFUSED,   // the request could not be carried out at all: `error`
};

enum cns_run_state {
    CNS_RUN_LAUNCHING = 1,
    CNS_RUN_RUNNING,
    CNS_RUN_EXITED,
    CNS_RUN_FAILED,
};

struct cns_event {
    uint32_t version;
    uint32_t kind;
    uint64_t run;
    uint32_t state;    // enum cns_run_state
    int32_t pid;       // in the host's PID namespace
    int32_t status;
    int32_t step;
    int32_t error;
    uint32_t lost;     // log lines that could not be written
    int64_t started_at;   // CLOCK_REALTIME, nanoseconds
    int64_t finished_at;
    char label[112];
};
_Static_assert(sizeof(struct cns_event) == 168, "both sides exchange 168 bytes");

/// An epoll_event whose datum is a number; its union is awkward from Swift.
int cns_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t datum);

/// sendmsg(2) of one message with `count` descriptors beside it. Never raises SIGPIPE. Returns 0, or -1 and errno.
int cns_send(int fd, const void *message, size_t size, const int *descriptors, int count);

/// recvmsg(2) of one message and at most `*count` descriptors, which arrive close-on-exec. Returns the size, 0 at
/// the end, or -1 and errno. A message longer than `size` is EMSGSIZE. When not all descriptors could be taken in, as
/// the kernel does to a process that has too many open, `*count` becomes -1: the message stands, its descriptors are
/// closed.
ssize_t cns_receive(int fd, void *message, size_t size, int *descriptors, int *count);

#endif
