#include "cnamespaces.h"
#include <string.h>

static char **arguments;

// The C library hands the arguments to constructors; Embedded Swift has no other way to them.
__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
    arguments = argc > 0 ? argv : NULL;
}

char *cns_title(size_t *size) {
    *size = 0;
    if (!arguments) return NULL;
    // The strings lie one after another; where they do not, somebody has moved them and the area ends.
    for (int i = 0; arguments[i] && arguments[i] == arguments[0] + *size; i++) *size += strlen(arguments[i]) + 1;
    return arguments[0];
}

int cns_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int cns_peer_is_owner(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}
