// podshim: the parent of all processes of one Pod.
//
// It owns their standard streams and writes their logs, reaps them and keeps their exit records until podagent says
// that it has them, and it goes on when podagent is gone. It decides nothing: requests come over a socket, plans are
// run as they are given.
//
// Embedded Swift: no runtime, no String, no Foundation. One epoll loop, no threads, bounded buffers.
//
// usage: podshim, with descriptor 3 a listening SOCK_SEQPACKET socket. Only podagent starts it.

import CNamespaces

guard cns_is_socket(Shim.listenerDescriptor) == 1 else {
    let usage: StaticString = "podshim: started by podagent for each Pod, of no use by hand\n"
    _ = write(2, usage.utf8Start, usage.utf8CodeUnitCount)
    exit(2)
}
// When the memory of the Pod or of the node runs out, a container is to go, and not who would tell of its end; every plan
// sets the score of its own process. Lowering wants CAP_SYS_RESOURCE, and is done without where the host has none.
let score = cns_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0)
if score >= 0 {
    let text: StaticString = "-999"
    _ = write(score, text.utf8Start, text.utf8CodeUnitCount)
    _ = close(score)
}
cns_ignore_signals()
_ = cns_prctl_name("podshim")
_ = cns_prctl_not_dumpable()
Shim().run()
