// stamp FILE [EXITCODE]
//
// The benchmark's container. Its first act is to read the clock; it appends the reading to FILE as
// "seconds.nanoseconds\n" (CLOCK_REALTIME, the clock that the harness reads too), and then waits for
// SIGTERM, or exits with EXITCODE if one is given. Linked statically: what is measured is the way to a
// container's first instruction, not the dynamic loader.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: stamp FILE [EXITCODE]\n");
        return 2;
    }
    char line[64];
    int length = snprintf(line, sizeof line, "%lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    // One write of a short line with O_APPEND: several containers may stamp the same file.
    if (file < 0 || write(file, line, length) != length) {
        perror(argv[1]);
        return 1;
    }
    close(file);
    if (argc == 3) return atoi(argv[2]);

    // As PID 1 of its namespace it is sent SIGTERM only if it asks for it; blocked and waited for, the
    // signal cannot arrive between two instructions.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    int signal_number;
    while (sigwait(&stop, &signal_number) != 0) {
    }
    return 0;
}
