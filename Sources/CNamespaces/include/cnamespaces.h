#ifndef CNAMESPACES_H
#define CNAMESPACES_H
#include <stdint.h>
#endif
