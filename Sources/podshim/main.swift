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
cns_ignore_signals()
_ = cns_prctl_name("podshim")
_ = cns_prctl_not_dumpable()
Shim().run()
