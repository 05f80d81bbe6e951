/*
 * An allocator that does nothing: what is measured with it is the work around.
 * Large blocks, which are not what is measured, come from the break.
 */
#include <stddef.h>
#include <unistd.h>

static char buffer[1024] __attribute__((aligned(16)));

void *malloc(size_t size)
{
    if (__builtin_expect(size > sizeof buffer, 0))
        return sbrk((size + 15) / 16 * 16);
    return buffer;
}

void free(void *block)
{
    (void)block;
}
