// rtnetlink(7): used by podagent for the node, and between clone3 and execve for a Pod; no allocation.
#include "cnamespaces.h"
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int cns_netlink_open(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -1;
    // The acknowledgement without a copy of what was sent.
    int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    return fd;
}

int cns_netlink(int fd, const void *message, size_t size) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t n;
    do n = sendto(fd, message, size, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (n < 0 && errno == EINTR);
    if (n < 0) return -1;
    for (;;) {
        _Alignas(struct nlmsghdr) char answer[4096];
        struct sockaddr_nl from;
        socklen_t length = sizeof from;
        do n = recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr *)&from, &length);
        while (n < 0 && errno == EINTR);
        if (n < 0) return -1;
        if (from.nl_pid != 0) continue;  // anybody may send to a netlink socket; only the kernel is port 0
        const struct nlmsghdr *header = (const void *)answer;
        if (!NLMSG_OK(header, (size_t)n) || header->nlmsg_type != NLMSG_ERROR) continue;
        struct nlmsgerr error;
        memcpy(&error, NLMSG_DATA(header), sizeof error);
        if (error.error == 0) return 0;
        errno = -error.error;
        return -1;
    }
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
