// rtnetlink(7): used by podagent for the node, and between clone3 and execve for a Pod; no allocation.
#include "cnamespaces.h"
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netlink_open(int protocol, int type, uint32_t groups) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | type, protocol);
    if (fd < 0) return -1;
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = groups};
    if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    // The acknowledgement without a copy of what was sent.
    int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    return fd;
}

int cns_netlink_open(void) { return netlink_open(NETLINK_ROUTE, 0, 0); }

int cns_netfilter_open(void) { return netlink_open(NETLINK_NETFILTER, 0, 0); }

int cns_netlink_send(int fd, const void *messages, size_t size) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t n;
    do n = sendto(fd, messages, size, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

// The kernel's next answer: what it says in `error`, about which message in `sequence`. It has answered by the time that
// the message has been taken, so there is never anything to wait for.
static int netlink_answer(int fd, int *error, uint32_t *sequence) {
    for (;;) {
        _Alignas(struct nlmsghdr) char answer[4096];
        struct sockaddr_nl from;
        socklen_t length = sizeof from;
        ssize_t n;
        do n = recvfrom(fd, answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
        while (n < 0 && errno == EINTR);
        if (n < 0) return -1;
        if (from.nl_pid != 0) continue;  // anybody may send to a netlink socket; only the kernel is port 0
        const struct nlmsghdr *header = (const void *)answer;
        if (!NLMSG_OK(header, (size_t)n) || header->nlmsg_type != NLMSG_ERROR) continue;
        struct nlmsgerr said;
        memcpy(&said, NLMSG_DATA(header), sizeof said);
        *error = -said.error;
        *sequence = header->nlmsg_seq;
        return 0;
    }
}

int cns_netlink(int fd, const void *message, size_t size) {
    int error;
    uint32_t sequence;
    if (cns_netlink_send(fd, message, size) < 0 || netlink_answer(fd, &error, &sequence) < 0) return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}

int cns_netfilter_batch(int fd, const void *messages, size_t size, uint32_t last) {
    // Of a transaction that failed as a whole there may be answers left.
    int first = 0, old;
    uint32_t stale;
    while (netlink_answer(fd, &old, &stale) == 0) {}
    if (cns_netlink_send(fd, messages, size) < 0) return -1;
    for (;;) {
        int error;
        uint32_t sequence;
        if (netlink_answer(fd, &error, &sequence) < 0) {
            if (first != 0) errno = first;
            return -1;
        }
        if (first == 0) first = error;
        // The last message is answered whatever became of those before it. One of sequence 0 is about the transaction
        // as a whole, and the only one then.
        if (sequence != last && sequence != 0) continue;
        errno = first;
        return first == 0 ? 0 : -1;
    }
}

int cns_netfilter_listen(void) {
    int fd = netlink_open(NETLINK_NETFILTER, SOCK_NONBLOCK, 1 << (NFNLGRP_NFTABLES - 1));
    // A table that is made anew is told of element by element, some 200 bytes each, before anybody can read.
    int size = 16 << 20;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

int cns_netlink_listen(void) {
    return netlink_open(NETLINK_ROUTE, SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
}

int cns_netlink_ask(void) {
    int fd = cns_netlink_open();
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return fd;
}

ssize_t cns_netlink_receive(int fd, void *buffer, size_t size) {
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, buffer, size, MSG_TRUNC, (struct sockaddr *)&from, &length);
        if (n < 0) return -1;
        if (from.nl_pid != 0) continue;  // anybody may send to a netlink socket; only the kernel is port 0
        if ((size_t)n <= size) return n;
        errno = EMSGSIZE;
        return -1;
    }
}

uint32_t cns_netlink_port(int fd) {
    struct sockaddr_nl own = {0};
    socklen_t length = sizeof own;
    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 ? own.nl_pid : 0;
}

int cns_hardware_address(const char *name, unsigned char *address) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result = ioctl(fd, SIOCGIFHWADDR, &request);
    int saved = errno;
    close(fd);
    errno = saved;
    memcpy(address, request.ifr_hwaddr.sa_data, 6);
    return result;
}
