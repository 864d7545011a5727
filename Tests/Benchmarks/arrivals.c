// arrivals PORT FILE
//
// The far end of the benchmark's probes: listens on all addresses of 127.0.0.0/8, answers every HTTP request with 200, and
// writes down when each connection came and to which address, by which the harness tells the probes apart. The clock
// is read as soon as accept(2) returns. Prints "ready" once it listens; on SIGTERM it writes FILE and ends. A record is
// two native 64-bit numbers: nanoseconds of CLOCK_MONOTONIC, and the address.
//
// Meanwhile a thread sleeps until every next hundredth of a second. By how many nanoseconds it wakes too late is
// written down with the address 0: so late is this machine for anybody.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ARRIVALS_MAX (1 << 20)

struct arrival {
    uint64_t nanoseconds, address;
};

#define BEAT_NANOSECONDS 10000000

static struct arrival arrivals[ARRIVALS_MAX], beats[ARRIVALS_MAX];
static size_t count, beat_count;
static volatile sig_atomic_t ended;

static void end(int signal_number) {
    (void)signal_number;
    ended = 1;
}

static _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

static int listening(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) die("socket");
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, 4096) < 0) die("listen");
    return fd;
}

// Takes in all that wait, each with the time at which it was seen.
static void welcome(int listener, int epoll) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        struct sockaddr_in here;
        socklen_t size = sizeof here;
        if (getsockname(fd, (struct sockaddr *)&here, &size) == 0 && count < ARRIVALS_MAX) {
            uint64_t at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
            arrivals[count++] = (struct arrival){at, ntohl(here.sin_addr.s_addr)};
        }
        struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) close(fd);
    }
}

static void *beat(void *unused) {
    (void)unused;
    struct timespec due, now;
    clock_gettime(CLOCK_MONOTONIC, &due);
    while (!ended && beat_count < ARRIVALS_MAX) {
        due.tv_nsec += BEAT_NANOSECONDS;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {}
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t late = (uint64_t)(now.tv_sec - due.tv_sec) * 1000000000u + (uint64_t)(now.tv_nsec - due.tv_nsec);
        beats[beat_count++] = (struct arrival){late, 0};
    }
    return NULL;
}

// A request fits into one segment here. Who only wants to connect closes, which reads as nothing.
static void answer(int fd) {
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    char request[4096];
    ssize_t size = read(fd, request, sizeof request);
    if (size < 0 && errno == EAGAIN) return;
    if (size > 0 && write(fd, ok, sizeof ok - 1) < 0) perror("write");
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: arrivals PORT FILE\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = listening(atoi(argv[1])), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = listener}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll");
    // The signal is for the thread that waits for connections.
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    pthread_t beating;
    if ((errno = pthread_create(&beating, NULL, beat, NULL)) != 0) die("thread");
    pthread_sigmask(SIG_UNBLOCK, &term, NULL);
    printf("ready\n");
    fflush(stdout);

    struct epoll_event events[256];
    while (!ended) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) welcome(listener, epoll);
            else answer(events[i].data.fd);
        }
    }
    pthread_join(beating, NULL);
    FILE *file = fopen(argv[2], "wb");
    if (!file || fwrite(arrivals, sizeof *arrivals, count, file) != count) die(argv[2]);
    if (fwrite(beats, sizeof *beats, beat_count, file) != beat_count || fclose(file) != 0) die(argv[2]);
    return 0;
}
