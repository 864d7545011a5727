// rtnetlink(7) and nfnetlink: messages out, their acknowledgement in.
#ifndef CNS_NETLINK_H
#define CNS_NETLINK_H

#include <stddef.h>
#include <stdint.h>

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

/// A socket that tells, without blocking, of each change of nftables in the network namespace that this is called in.
/// -1 and errno.
int cns_netfilter_listen(void);

/// By which the kernel tells who made a change: the socket's own port. 0 is the kernel's, and stands for an error.
uint32_t cns_netlink_port(int fd);

/// The hardware address of the Ethernet link `name`, six bytes. 0, or -1 and errno.
int cns_hardware_address(const char *name, unsigned char *address);

#endif
