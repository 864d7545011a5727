// The same feature set as in CNamespaces: C headers that both include must mean the same in both.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <openssl/evp.h>
