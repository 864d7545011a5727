// The steps that mount. Mount points are found by openat2 beneath a root descriptor and mounted on by descriptor, so
// that no link of an image, and no process that swaps one in, can lead a mount elsewhere.
#include "launch.h"
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/// openat2 answers EAGAIN when a rename raced with the resolution of `..`; a bounded number of times that is retried.
static int open_in_root(int root, const char *path, uint64_t flags) {
    int fd = -1;
    for (int i = 0; i < 128; i++) {
        fd = cns_openat2(root, path, flags, 0, IN_ROOT);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return fd;
}

static void close_keeping_errno(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
}

int launch_make_directories(int root, const char *path, mode_t mode) {
    char prefix[4096];
    int at = open_in_root(root, ".", O_PATH | O_DIRECTORY);
    for (size_t end = 0; at >= 0;) {
        while (path[end] == '/') end++;
        if (!path[end]) return at;
        size_t start = end;
        while (path[end] && path[end] != '/') end++;
        if (end >= sizeof prefix || end - start > 255) {
            errno = ENAMETOOLONG;
            break;
        }
        memcpy(prefix, path, end);
        prefix[end] = 0;
        int next = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
        // mkdirat does not follow a link in the last place, so what it makes is in `at` and nowhere else.
        if (next < 0 && errno == ENOENT && (mkdirat(at, prefix + start, mode) == 0 || errno == EEXIST))
            next = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
        close_keeping_errno(at);
        at = next;
    }
    return -1;
}

/// The directory that holds the last component of `path`, made if missing; `leaf` is that component.
static int open_parent(int root, const char *path, const char **leaf) {
    char parent[4096];
    size_t length = strlen(path);
    while (length && path[length - 1] == '/') length--;
    size_t start = length;
    while (start && path[start - 1] != '/') start--;
    if (start == length || length >= sizeof parent) {
        errno = start == length ? EINVAL : ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, start);
    parent[start] = 0;
    *leaf = path + start;
    return launch_make_directories(root, start ? parent : ".", 0755);
}

/// Makes what is missing of a mount point and opens it.
static int open_mount_point(const struct launch *l, const struct cns_step *s) {
    const char *path = launch_text(l, s, 0), *leaf;
    int root = l->slots[s->other];
    if (s->flags & CNS_STEP_NO_LINK) {
        int parent = open_parent(root, path, &leaf);
        struct stat st;
        if (parent < 0) return -1;
        int link = fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
        int result = link ? unlinkat(parent, leaf, 0) : 0;
        close_keeping_errno(parent);
        if (result < 0) return -1;
    }
    int fd = open_in_root(root, path, O_PATH);
    if (fd >= 0 || errno != ENOENT) return fd;
    if (!(s->flags & CNS_STEP_FILE)) return launch_make_directories(root, path, 0755);
    int parent = open_parent(root, path, &leaf);
    if (parent < 0) return -1;
    int made = mknodat(parent, leaf, S_IFREG | 0644, 0);
    close_keeping_errno(parent);
    return made < 0 && errno != EEXIST ? -1 : open_in_root(root, path, O_PATH);
}

int launch_attach(struct launch *l, const struct cns_step *s) {
    if (s->flags & CNS_STEP_HERE) return cns_move_mount(l->slots[s->slot], l->slots[s->other]);
    int place = open_mount_point(l, s);
    if (place < 0) return -1;
    int result = cns_move_mount(l->slots[s->slot], place);
    close_keeping_errno(place);
    return result;
}

int launch_clone_tree(struct launch *l, const struct cns_step *s) {
    const char *path = launch_text(l, s, 0);
    int base = s->other == CNS_SLOT_NONE ? AT_FDCWD : l->slots[s->other];
    unsigned flags = OPEN_TREE_CLONE | (unsigned)s->word | (path ? 0 : AT_EMPTY_PATH);
    int fd = cns_open_tree(base, path ? path : "", flags);
    if (fd < 0) return -1;
    l->slots[s->slot] = fd;
    return 0;
}

/// Hands "a=b,c" to fsconfig one by one: `key=value` as a string, a bare word as a flag.
static int configure(int context, const char *options) {
    char word[256];
    while (options && *options) {
        const char *comma = strchrnul(options, ',');
        size_t length = (size_t)(comma - options);
        if (length >= sizeof word) {
            errno = E2BIG;
            return -1;
        }
        memcpy(word, options, length);
        word[length] = 0;
        char *equals = strchr(word, '=');
        if (equals) *equals = 0;
        unsigned command = equals ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
        if (syscall(SYS_fsconfig, context, command, word, equals ? equals + 1 : NULL, 0) < 0) return -1;
        options = *comma ? comma + 1 : comma;
    }
    return 0;
}

static int new_mount(const char *type, const char *options, unsigned attributes) {
    int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (context < 0) return -1;
    int fd = -1;
    if (configure(context, options) == 0 && syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    close_keeping_errno(context);
    return fd;
}

int launch_filesystem(struct launch *l, const struct cns_step *s) {
    int fd = new_mount(launch_text(l, s, 0), launch_text(l, s, 1), (unsigned)s->word);
    if (fd < 0) return -1;
    l->slots[s->slot] = fd;
    return 0;
}

int launch_directory(struct launch *l, const struct cns_step *s) {
    int fd = launch_make_directories(l->slots[s->slot], launch_text(l, s, 0), (mode_t)s->word);
    if (fd < 0) return -1;
    close(fd);
    return 0;
}

int launch_node(struct launch *l, const struct cns_step *s) {
    mode_t before = umask(0);
    int result = mknodat(l->slots[s->slot], launch_text(l, s, 0), (mode_t)s->word, (dev_t)s->value);
    umask(before);
    return result;
}

/// Hides a path of a filesystem that this plan mounted itself. What the kernel does not offer needs no hiding.
int launch_mask(struct launch *l, const struct cns_step *s) {
    struct stat st;
    int place = cns_openat2(l->slots[s->slot], launch_text(l, s, 0), O_PATH, 0, BENEATH);
    if (place < 0) return errno == ENOENT ? 0 : -1;
    if (fstat(place, &st) < 0) return -1;
    int cover = -1;
    if (S_ISDIR(st.st_mode)) {
        cover = new_mount("tmpfs", "size=0,nr_inodes=1,mode=555",
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    } else {
        int null = launch_open_null(l, s->other);
        if (null < 0) return -1;
        cover = cns_open_tree(null, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
        close_keeping_errno(null);
    }
    if (cover < 0) return -1;
    int result = cns_move_mount(cover, place);
    close_keeping_errno(cover);
    close_keeping_errno(place);
    return result;
}

int launch_read_only(struct launch *l, const struct cns_step *s) {
    int place = cns_openat2(l->slots[s->slot], launch_text(l, s, 0), O_PATH, 0, BENEATH);
    if (place < 0) return errno == ENOENT ? 0 : -1;
    int copy = cns_open_tree(place, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | 0x8000 /* AT_RECURSIVE */);
    if (copy < 0) return -1;
    uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    int result = cns_mount_setattr(copy, 1, attributes, 0, 0) < 0 ? -1 : cns_move_mount(copy, place);
    close_keeping_errno(copy);
    close_keeping_errno(place);
    return result;
}

/// pivot_root(2) with both arguments ".": the old root lies on top of the new one and is taken off again.
int launch_pivot(struct launch *l, const struct cns_step *s) {
    if (fchdir(l->slots[s->slot]) < 0) return -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
    if (umount2(".", MNT_DETACH) < 0) return -1;
    return chdir("/");
}
