// CNamespaces: what Swift cannot do itself. The launch-plan interpreter that runs between clone3 and execve, the
// pause process, and the structures that podagent and podshim exchange. No policy lives here.
#ifndef CNAMESPACES_H
#define CNAMESPACES_H

#include "cns_syscalls.h"
#include "cns_launch.h"
#include "cns_wire.h"
#include "cns_process.h"

#endif
