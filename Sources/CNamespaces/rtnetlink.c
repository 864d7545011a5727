// rtnetlink(7) with answers and news, for podagent. In C for the sake of socket addresses and macros that Swift does not
// see; what the bytes mean is Swift's to say.
#include "cnamespaces.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int cns_rtnetlink_open(void) {
    int fd = cns_netlink_open();
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return fd;
}

int cns_rtnetlink_listen(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return -1;
    struct sockaddr_nl own = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
    };
    if (bind(fd, (struct sockaddr *)&own, sizeof own) == 0) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int cns_rtnetlink_send(int fd, const void *message, size_t size) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(fd, message, size, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

ssize_t cns_rtnetlink_receive(int fd, void *buffer, size_t size) {
    for (;;) {
        struct sockaddr_nl from = {0};
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, buffer, size, MSG_TRUNC, (struct sockaddr *)&from, &length);
        if (n < 0) return -1;
        if (from.nl_pid != 0) continue;
        if ((size_t)n <= size) return n;
        errno = EMSGSIZE;
        return -1;
    }
}
