// Confinement: what a process of podagent's puts between itself and the node before it reads a stranger's bytes.
#ifndef CNS_CONFINE_H
#define CNS_CONFINE_H

#include <stdint.h>

/// What is left to a confined process.
struct cns_confinement {
    int root_fd;              // a directory, which becomes `/`; the descriptor then is one of that `/`
    uint64_t capabilities;    // bit n for capability n; capabilities(7)
    uint64_t data_bytes_max;  // RLIMIT_DATA
    uint64_t file_bytes_max;  // RLIMIT_FSIZE, the size of one file
    uint64_t descriptors_max; // RLIMIT_NOFILE
};

/// Confines the calling process, which has one thread. NULL, or the name of the call that failed, and errno: the caller
/// is then confined by halves and must end.
const char *cns_confine(const struct cns_confinement *what);

/// Has the kernel kill this process when the thread that made it ends. prctl(2), PR_SET_PDEATHSIG. 0, or -1 and errno.
int cns_die_with_parent(void);

/// Makes a pipe hold as much as this process may give it, at most `size` bytes.
void cns_enlarge_pipe(int fd, int size);

/// write(2) to a pipe: EPIPE without the signal that would come with it.
ssize_t cns_write_pipe(int fd, const void *bytes, size_t size);

#endif
