// rtnetlink(7): one message out, its acknowledgement in.
#ifndef CNS_NETLINK_H
#define CNS_NETLINK_H

#include <stddef.h>

#define CNS_NETLINK_MAX 1024  // bytes of one message that we send

/// A socket that speaks for the network namespace that this is called in. -1 and errno.
int cns_netlink_open(void);

/// Sends one message that asks for an acknowledgement, and waits for that: the kernel has it ready when the message has
/// been taken. One at a time on one socket. Returns 0, or -1 with what the kernel says in errno.
int cns_netlink(int fd, const void *message, size_t size);

/// The hardware address of the Ethernet link `name`, six bytes. 0, or -1 and errno.
int cns_hardware_address(const char *name, unsigned char *address);

#endif
