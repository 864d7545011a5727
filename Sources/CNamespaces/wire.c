#include "cnamespaces.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(CNS_DESCRIPTORS_MAX * sizeof(int))];
};

int cns_send(int fd, const void *message, size_t size, const int *descriptors, int count) {
    if (count < 0 || count > CNS_DESCRIPTORS_MAX) {
        errno = EINVAL;
        return -1;
    }
    struct iovec part = {.iov_base = (void *)message, .iov_len = size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    if (count > 0) {
        size_t length = sizeof(int) * (size_t)count;
        memset(&control, 0, CMSG_SPACE(length));
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(length);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(rights), descriptors, length);
    }
    ssize_t sent;
    do sent = sendmsg(fd, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

static int take_descriptors(struct msghdr *header, int *descriptors, int room) {
    int taken = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + sizeof(int) * (size_t)i, sizeof fd);
            if (taken < room) descriptors[taken++] = fd;
            else close(fd);
        }
    }
    return taken;
}

ssize_t cns_receive(int fd, void *message, size_t size, int *descriptors, int *count) {
    struct iovec part = {.iov_base = message, .iov_len = size};
    union control control;
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -1;
    int taken = take_descriptors(&header, descriptors, *count);
    *count = taken;
    if (!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) return got;
    for (int i = 0; i < taken; i++) close(descriptors[i]);
    *count = -1;
    if (!(header.msg_flags & MSG_TRUNC)) return got;
    errno = EMSGSIZE;
    return -1;
}

int cns_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t datum) {
    struct epoll_event event = {.events = events, .data = {.u64 = datum}};
    return epoll_ctl(epoll, operation, fd, &event);
}
