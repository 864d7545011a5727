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
