// floor ROOTFS WORKDIR COUNT [veth] [burst]
//
// The floor under the benchmark: the fewest system calls that make a Pod with one container, made by a C program
// that decides nothing, checks nothing and records nothing. Each Pod is a pause process with network, IPC, UTS, PID
// and mount namespaces of its own and its loopback up, and a container that joins them, gets a PID namespace nested
// in the Pod's, an overlay root with /proc and a bind mount, and executes /bin/stamp.
//
// Prints, for each Pod, the milliseconds from before the first call to the container's own time stamp. With `veth`
// each Pod also gets a veth pair on a bridge. With `burst` all Pods live until the last has started, and one more
// line, "total MS", says how long all took together.
//
// ROOTFS is an unpacked image with /bin/stamp, /proc and /out. All mounts, and the bridge, are made in namespaces of
// this program's own and vanish with it; only WORKDIR is written to.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BRIDGE "floor0"

struct pod {
    char directory[PATH_MAX - 64];
    char stamp[PATH_MAX];
    pid_t pause;
    int pause_fd;
    int64_t began;
};

static const char *rootfs;
static const char *workdir;
static int rtnetlink = -1;
static int own_pids = -1;

static void die(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void must(int result, const char *what) {
    if (result < 0) die(what);
}

static int64_t realtime(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static pid_t clone3(uint64_t flags, int *pidfd) {
    struct clone_args arguments = {
        .flags = flags | (pidfd ? CLONE_PIDFD : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        // A sibling (CLONE_PARENT) inherits the signal of its parent's own parent and may name none.
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    pid_t pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    must(pid, "clone3");
    return pid;
}

// Netlink: one request in `message`, built up by `attribute`, sent and acknowledged by `request`.

static union {
    struct nlmsghdr header;
    char bytes[1024];
} message;

static void *grow(size_t size) {
    char *tail = message.bytes + NLMSG_ALIGN(message.header.nlmsg_len);
    memset(tail, 0, NLMSG_ALIGN(size));
    message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) + NLMSG_ALIGN(size);
    return tail;
}

static struct rtattr *attribute(int type, const void *data, size_t size) {
    struct rtattr *added = grow(RTA_LENGTH(size));
    added->rta_type = type;
    added->rta_len = RTA_LENGTH(size);
    if (size > 0) memcpy(RTA_DATA(added), data, size);
    return added;
}

static void close_nest(struct rtattr *nest) {
    nest->rta_len = message.bytes + message.header.nlmsg_len - (char *)nest;
}

static void new_link(const char *name) {
    memset(&message, 0, sizeof message);
    message.header.nlmsg_len = NLMSG_HDRLEN;
    message.header.nlmsg_type = RTM_NEWLINK;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
    struct ifinfomsg *link = grow(sizeof *link);
    link->ifi_flags = link->ifi_change = IFF_UP;
    attribute(IFLA_IFNAME, name, strlen(name) + 1);
}

static void request(const char *what) {
    must(send(rtnetlink, &message, message.header.nlmsg_len, 0), what);
    must(recv(rtnetlink, &message, sizeof message, 0), what);
    struct nlmsgerr *answer = NLMSG_DATA(&message.header);
    errno = -answer->error;
    if (answer->error != 0) die(what);
}

static void make_bridge(void) {
    must(unshare(CLONE_NEWNET), "unshare network");
    must(rtnetlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink socket");
    new_link(BRIDGE);
    struct rtattr *info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "bridge", sizeof "bridge");
    close_nest(info);
    request("new bridge");
}

static void make_veth(const struct pod *pod, int number) {
    char name[IFNAMSIZ];
    snprintf(name, sizeof name, "pod%u", number & 0xffffffu);
    uint32_t bridge = if_nametoindex(BRIDGE), pause = pod->pause;
    new_link(name);
    attribute(IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr *info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "veth", sizeof "veth");
    struct rtattr *data = attribute(IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = attribute(VETH_INFO_PEER, NULL, 0);
    grow(sizeof(struct ifinfomsg));
    attribute(IFLA_IFNAME, "eth0", sizeof "eth0");
    attribute(IFLA_NET_NS_PID, &pause, sizeof pause);
    close_nest(peer);
    close_nest(data);
    close_nest(info);
    request("new veth");
}

// The Pod's two processes. Both run until they are killed or exec; neither returns.

static void run_pause(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // If this program fails halfway, the Pods go with it.
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(inet, "socket");
    must(ioctl(inet, SIOCSIFFLAGS, &loopback), "loopback up");
    must(sethostname("pod", 3), "sethostname");
    for (;;) pause();
}

static void run_container(const struct pod *pod) {
    char root[PATH_MAX], out[PATH_MAX + 8], proc[PATH_MAX + 8], options[4 * PATH_MAX];
    snprintf(root, sizeof root, "%s/root", pod->directory);
    snprintf(out, sizeof out, "%s/out", root);
    snprintf(proc, sizeof proc, "%s/proc", root);
    must(setns(pod->pause_fd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS), "join the Pod");
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", rootfs, pod->directory,
             pod->directory);
    must(mount("overlay", root, "overlay", 0, options), "mount overlay");
    must(mount(workdir, out, NULL, MS_BIND, NULL), "bind /out");
    must(mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
    must(chdir(root), "chdir");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "detach the old root");
    char file[PATH_MAX];
    snprintf(file, sizeof file, "/out/%s", strrchr(pod->stamp, '/') + 1);
    execl("/bin/stamp", "stamp", file, NULL);
    die("exec /bin/stamp");
}

static void start(struct pod *pod, int number, int with_veth) {
    snprintf(pod->directory, sizeof pod->directory, "%s/pod-%d", workdir, number);
    snprintf(pod->stamp, sizeof pod->stamp, "%s/stamp-%d", workdir, number);
    unlink(pod->stamp);

    pod->began = realtime();
    static const char *parts[] = {"", "/root", "/upper", "/work"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s%s", pod->directory, parts[i]);
        if (mkdir(path, 0755) < 0 && errno != EEXIST) die(path);
    }
    uint64_t namespaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS;
    pod->pause = clone3(namespaces, &pod->pause_fd);
    if (pod->pause == 0) run_pause();
    if (with_veth) make_veth(pod, number);

    // Joining a PID namespace counts for the children made from then on, and a new one can be nested in it only by
    // a process that is inside already. So a helper is born there, has the container as its sibling, and leaves.
    must(setns(pod->pause_fd, CLONE_NEWPID), "setns into the Pod");
    pid_t helper = clone3(0, NULL);
    if (helper == 0) {
        if (clone3(CLONE_NEWNS | CLONE_NEWPID | CLONE_PARENT, NULL) == 0) run_container(pod);
        _exit(0);
    }
    must(setns(own_pids, CLONE_NEWPID), "setns back");
    int status;
    must(waitpid(helper, &status, 0), "waitpid");
    if (status != 0) _exit(1);
}

// Nanoseconds from the first call to the container's stamp. The stamp itself says when; looking late costs nothing.
static int64_t stamped(const struct pod *pod) {
    for (int tries = 0; tries < 20000; tries++) {
        FILE *file = fopen(pod->stamp, "r");
        long long seconds;
        long nanoseconds;
        char newline;
        int fields = file ? fscanf(file, "%lld.%9ld%c", &seconds, &nanoseconds, &newline) : 0;
        if (file) fclose(file);
        if (fields == 3) return seconds * INT64_C(1000000000) + nanoseconds - pod->began;
        usleep(500);
    }
    fprintf(stderr, "floor: no stamp in %s\n", pod->stamp);
    _exit(1);
}

static void stop(struct pod *pod) {
    // pause is PID 1 of the Pod: its end is everyone's. Its own reaping waits until ours of the container is done.
    kill(pod->pause, SIGKILL);
    while (waitpid(-1, NULL, __WALL | WNOHANG) >= 0 && kill(pod->pause, 0) == 0) usleep(200);
    close(pod->pause_fd);
}

int main(int argc, char **argv) {
    int with_veth = 0, burst = 0;
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "veth") == 0) with_veth = 1;
        if (strcmp(argv[i], "burst") == 0) burst = 1;
    }
    int count = argc < 4 ? 0 : atoi(argv[3]);
    if (count < 1 || argc != 4 + with_veth + burst) {
        fprintf(stderr, "usage: floor ROOTFS WORKDIR COUNT [veth] [burst]\n");
        return 2;
    }
    rootfs = argv[1];
    workdir = argv[2];
    must(unshare(CLONE_NEWNS), "unshare mounts (run it as root)");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    must(own_pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), "open our PID namespace");
    if (with_veth) make_bridge();

    struct pod *pods = calloc(count, sizeof *pods);
    if (!pods) die("calloc");
    int64_t last = 0;
    for (int i = 0; i < count; i++) {
        start(&pods[i], i, with_veth);
        if (burst) continue;
        printf("%.3f\n", stamped(&pods[i]) / 1e6);
        stop(&pods[i]);
        usleep(20000);  // Lets the kernel finish taking the namespaces apart; that is not part of a start.
    }
    for (int i = 0; burst && i < count; i++) {
        int64_t took = stamped(&pods[i]);
        if (pods[i].began + took > last) last = pods[i].began + took;
        printf("%.3f\n", took / 1e6);
    }
    for (int i = 0; burst && i < count; i++) stop(&pods[i]);
    if (burst) printf("total %.3f\n", (last - pods[0].began) / 1e6);
    return 0;
}
