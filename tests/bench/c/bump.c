/*
 * As little as can be done where what was allocated last is freed first: a
 * pointer that moves up at a malloc, and down to the block at a free. It keeps
 * no record, so no other order is served.
 */
#include <stddef.h>

static _Thread_local char memory[1 << 22] __attribute__((aligned(16)));

static _Thread_local size_t top;

void *malloc(size_t size)
{
    size_t start = top;
    size_t end = start + (size + 15) / 16 * 16;
    if (__builtin_expect(end > sizeof memory, 0))
        return NULL;
    top = end;
    return memory + start;
}

void free(void *block)
{
    if (__builtin_expect(block != NULL, 1))
        top = (char *)block - memory;
}
