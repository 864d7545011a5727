// stamp FILE [EXITCODE [AFTER_MS]]
//
// The benchmark's container. Its first act is to read the clock; it appends the reading to FILE as
// "seconds.nanoseconds\n" (CLOCK_REALTIME, the clock that the harness reads too), and then waits for
// SIGTERM, or exits with EXITCODE if one is given. With AFTER_MS it does so after that many milliseconds, and
// its last act is to append the time once more. Linked statically: what is measured is the way to a container's
// first instruction, not the dynamic loader.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// One write of a short line with O_APPEND: several containers may stamp the same file.
static int stamp(const char *path) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char line[64];
    int length = snprintf(line, sizeof line, "%lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || write(file, line, length) != length) {
        perror(path);
        return -1;
    }
    return close(file);
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: stamp FILE [EXITCODE [AFTER_MS]]\n");
        return 2;
    }
    if (stamp(argv[1]) < 0) return 1;
    if (argc == 3) return atoi(argv[2]);

    // As PID 1 of its namespace it is sent SIGTERM only if it asks for it; blocked and waited for, the
    // signal cannot arrive between two instructions.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    if (argc == 4) {
        long wait = atol(argv[3]);
        struct timespec rest = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
        if (sigtimedwait(&stop, NULL, &rest) > 0) return 0;
        return stamp(argv[1]) < 0 ? 1 : atoi(argv[2]);
    }
    int signal_number;
    while (sigwait(&stop, &signal_number) != 0) {
    }
    return 0;
}
