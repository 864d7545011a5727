// What probes need of the kernel: sockets of other network namespaces, one timer, and how far a connection has come.
#ifndef CNS_PROBE_H
#define CNS_PROBE_H

#include <stdint.h>

/// socket(2) in the network namespace of a descriptor, for a thread of a pool: it comes back to `own` before this
/// returns, or the process ends. A socket stays in the namespace that it was made in. Returns a descriptor that is
/// close-on-exec and does not block, or -1 and errno.
int cns_socket_in(int namespace_fd, int own, int family, int type);

/// timerfd_create(2) on the clock that podagent reads, not blocking. -1 and errno.
int cns_timer_open(void);

/// Goes off once at a time of that clock, in nanoseconds, at once if it has passed; never with INT64_MAX. The last word
/// counts. 0, or -1 and errno.
int cns_timer_set(int timer, int64_t at);

/// Bytes that the other end of a TCP connection has sent; 0 also when that cannot be told.
uint64_t cns_bytes_received(int socket);

#endif
