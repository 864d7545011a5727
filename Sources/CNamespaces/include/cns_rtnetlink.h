// rtnetlink(7) with answers longer than an acknowledgement, and with news that nobody asked for.
#ifndef CNS_RTNETLINK_H
#define CNS_RTNETLINK_H

#include <stddef.h>
#include <sys/types.h>

/// A socket for questions to the network namespace that this is called in. Lists are filtered by the kernel as the question
/// says. -1 and errno.
int cns_rtnetlink_open(void);

/// A nonblocking socket that is told of links, and of routes of both families. -1 and errno.
int cns_rtnetlink_listen(void);

/// Sends one message to the kernel. 0, or -1 and errno.
int cns_rtnetlink_send(int fd, const void *message, size_t size);

/// The next datagram of the kernel's own, its size; what others send is left out. -1 and errno: EMSGSIZE when it has more
/// than `size` bytes, ENOBUFS when news were lost.
ssize_t cns_rtnetlink_receive(int fd, void *buffer, size_t size);

#endif
