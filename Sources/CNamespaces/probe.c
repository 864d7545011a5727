// Sockets of other network namespaces, and a timer.
#include "cnamespaces.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

int cns_socket_in(int namespace_fd, int own, int family, int type) {
    if (setns(namespace_fd, CLONE_NEWNET) < 0) return -1;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int saved = errno;
    // Whatever this thread did next would be done in a Pod's network.
    if (setns(own, CLONE_NEWNET) < 0) abort();
    errno = saved;
    return fd;
}

int cns_timer_open(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK); }

int cns_timer_set(int timer, int64_t at) {
    struct itimerspec time = {0};
    // A time of zero would turn it off.
    if (at < 1) at = 1;
    if (at != INT64_MAX) {
        time.it_value.tv_sec = at / 1000000000;
        time.it_value.tv_nsec = at % 1000000000;
    }
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &time, NULL);
}

uint64_t cns_bytes_received(int socket) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}
