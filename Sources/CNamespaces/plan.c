// Whether a plan is well formed. Checked by the shim before it clones, so that the child may believe it.
#include "cnamespaces.h"
#include <string.h>

/// `count` strings one after another, the last one ended inside the buffer.
static int strings_end_inside(const char *bytes, uint32_t size, uint32_t offset, uint64_t count) {
    const char *at = bytes + offset, *end = bytes + size;
    for (; count > 0; count--) {
        const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!nul) return 0;
        at = nul + 1;
    }
    return 1;
}

static int step_valid(const struct cns_step *s, const char *bytes, uint32_t size, uint32_t strings) {
    if (s->op == 0 || s->op >= CNS_OP_COUNT) return 0;
    if (s->slot >= CNS_SLOTS_MAX && s->slot != CNS_SLOT_NONE) return 0;
    if (s->other >= CNS_SLOTS_MAX && s->other != CNS_SLOT_NONE) return 0;
    for (int i = 0; i < 4; i++) {
        uint32_t text = s->text[i];
        if (text == 0) continue;
        if (text < strings || text >= size) return 0;
        if (s->op != CNS_OP_GROUPS && s->op != CNS_OP_NETLINK && !strings_end_inside(bytes, size, text, 1)) return 0;
    }
    if (s->op == CNS_OP_GROUPS)
        return s->value <= 65536 && (s->value == 0 || (s->text[0] && s->text[0] % 4 == 0 && s->value * 4 <= size - s->text[0]));
    if (s->op == CNS_OP_NETLINK)
        return s->text[0] && s->value <= CNS_NETLINK_MAX && s->value <= size - s->text[0] &&
               (s->extra == 0 || (s->other != CNS_SLOT_NONE && s->extra <= s->value && s->value - s->extra >= sizeof(int)));
    if (s->op == CNS_OP_EXEC)
        return s->value >= 1 && s->value <= 65536 && s->extra <= 65536 && s->text[0] && (s->extra == 0 || s->text[1]) &&
               strings_end_inside(bytes, size, s->text[0], s->value) &&
               (s->extra == 0 || strings_end_inside(bytes, size, s->text[1], s->extra));
    return 1;
}

/// How many of the first texts an operation cannot do without.
static int texts_needed(uint16_t op) {
    switch ((enum cns_op)op) {
    case CNS_OP_OPEN: case CNS_OP_FILESYSTEM: case CNS_OP_DIRECTORY: case CNS_OP_NODE: case CNS_OP_MASK:
    case CNS_OP_READ_ONLY: case CNS_OP_HOSTNAME: case CNS_OP_WORKDIR: case CNS_OP_EXEC:
        return 1;
    case CNS_OP_SYMLINK: case CNS_OP_WRITE: return 2;
    case CNS_OP_MOUNT: return 3;
    default: return 0;
    }
}

/// Which operations use `slot` and `other` as descriptors, so that they must name one.
static int slots_named(const struct cns_step *s) {
    switch ((enum cns_op)s->op) {
    case CNS_OP_JOIN: case CNS_OP_OPEN: case CNS_OP_FILESYSTEM: case CNS_OP_CLONE_TREE: case CNS_OP_ATTRIBUTES:
    case CNS_OP_DIRECTORY: case CNS_OP_NODE: case CNS_OP_SYMLINK: case CNS_OP_READ_ONLY: case CNS_OP_PIVOT:
    case CNS_OP_TERMINAL:
        return s->slot != CNS_SLOT_NONE;
    case CNS_OP_ATTACH:
        return s->slot != CNS_SLOT_NONE && s->other != CNS_SLOT_NONE && ((s->flags & CNS_STEP_HERE) || s->text[0]);
    case CNS_OP_MASK: return s->slot != CNS_SLOT_NONE && s->other != CNS_SLOT_NONE;
    case CNS_OP_CHDIR: return s->text[0] || s->other != CNS_SLOT_NONE;
    default: return 1;
    }
}

int cns_plan_valid(const void *plan, size_t size) {
    const struct cns_plan *header = plan;
    if (size < sizeof *header || size > UINT32_MAX) return 0;
    if (header->magic != CNS_PLAN_MAGIC || header->size != size) return 0;
    if (header->count == 0 || header->count > CNS_STEPS_MAX) return 0;
    uint64_t strings = sizeof *header + (uint64_t)header->count * sizeof(struct cns_step);
    if (strings > size) return 0;
    const struct cns_step *steps = (const void *)(header + 1);
    for (uint32_t i = 0; i < header->count; i++) {
        const struct cns_step *s = &steps[i];
        if (!step_valid(s, plan, header->size, (uint32_t)strings) || !slots_named(s)) return 0;
        for (int t = 0; t < texts_needed(s->op); t++)
            if (!s->text[t]) return 0;
    }
    return 1;
}
