// Between the files of the interpreter.
#ifndef LAUNCH_H
#define LAUNCH_H

#include "cnamespaces.h"
#include <signal.h>

struct launch {
    const char *bytes;  // the plan
    int *slots;
    int report_fd;
    int index;          // of the step that runs
    char *title;
    size_t title_size;
};

const char *launch_text(const struct launch *l, const struct cns_step *s, int i);
int launch_open_null(const struct launch *l, uint16_t slot);

/// Opens a directory beneath `root`, which stands for `/`, making what is missing. A descriptor, or -1 and errno.
int launch_make_directories(int root, const char *path, mode_t mode);

int launch_filesystem(struct launch *l, const struct cns_step *s);
int launch_clone_tree(struct launch *l, const struct cns_step *s);
int launch_attach(struct launch *l, const struct cns_step *s);
int launch_directory(struct launch *l, const struct cns_step *s);
int launch_node(struct launch *l, const struct cns_step *s);
int launch_mask(struct launch *l, const struct cns_step *s);
int launch_read_only(struct launch *l, const struct cns_step *s);
int launch_pivot(struct launch *l, const struct cns_step *s);

/// As every program expects to be born: no signal is ignored, caught or blocked.
void cns_default_signals(void);

#endif
