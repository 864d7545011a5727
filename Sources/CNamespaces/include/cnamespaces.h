// CNamespaces: what Swift cannot do itself. The launch-plan interpreter that runs between clone3 and execve, the
// pause process, and the structures that podagent and podshim exchange. No policy lives here.
#ifndef CNAMESPACES_H
#define CNAMESPACES_H

#include "cns_syscalls.h"
#include "cns_netlink.h"
#include "cns_launch.h"
#include "cns_wire.h"
#include "cns_process.h"
#include "cns_confine.h"
#include "cns_probe.h"
#include "cns_shim.h"

// What the shim uses of the C library. Embedded Swift cannot import Glibc.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#endif
