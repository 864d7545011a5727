#include "cnamespaces.h"
#include <string.h>

int cns_strerror(int code, char *buffer, size_t size) {
    // With _GNU_SOURCE the C library gives the GNU form, which may return a string of its own.
    const char *text = strerror_r(code, buffer, size);
    if (text != buffer) {
        strncpy(buffer, text, size - 1);
        buffer[size - 1] = 0;
    }
    return 0;
}
