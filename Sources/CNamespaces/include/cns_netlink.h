// rtnetlink(7) and nfnetlink: messages out; acknowledgements, answers and news in.
#ifndef CNS_NETLINK_H
#define CNS_NETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CNS_NETLINK_MAX 1024  // bytes of one message that we send

/// A socket that speaks for the network namespace that this is called in. -1 and errno.
int cns_netlink_open(void);

/// Sends one message that asks for an acknowledgement, and waits for that: the kernel has it ready when the message has
/// been taken. One at a time on one socket. Returns 0, or -1 with what the kernel says in errno.
int cns_netlink(int fd, const void *message, size_t size);

/// A socket, with a port, for changes of nftables in the network namespace that this is called in. -1 and errno.
int cns_netfilter_open(void);

/// Sends a transaction of nfnetlink. `last` is the sequence number of the message that asks for an acknowledgement; the
/// first message has 0. Returns 0 when all of it is in effect, or -1 with what the kernel says of the first message
/// that failed in errno, and nothing has changed.
int cns_netfilter_batch(int fd, const void *messages, size_t size, uint32_t last);

/// Nonblocking sockets that are told of what happens in the network namespace that this is called in: of each change of
/// nftables; of links, and of routes of both families. -1 and errno.
int cns_netfilter_listen(void);
int cns_netlink_listen(void);

/// A socket for questions. Lists are filtered by the kernel as the question says. -1 and errno.
int cns_netlink_ask(void);

/// Sends one message to the kernel. 0, or -1 and errno.
int cns_netlink_send(int fd, const void *message, size_t size);

/// The next datagram of the kernel's own, its size; what others send is left out. -1 and errno: EMSGSIZE when it has more
/// than `size` bytes, ENOBUFS when news were lost.
ssize_t cns_netlink_receive(int fd, void *buffer, size_t size);

/// By which the kernel tells who made a change: the socket's own port. 0 is the kernel's, and stands for an error.
uint32_t cns_netlink_port(int fd);

/// The hardware address of the Ethernet link `name`, six bytes. 0, or -1 and errno.
int cns_hardware_address(const char *name, unsigned char *address);

#endif
