/*
 * A C program whose calls nest: a function allocates one to three blocks of 16
 * to 512 bytes, calls another that does the same, and frees its blocks, the
 * last one first.
 *
 *     nested DEPTH ROUNDS
 *
 * It goes down and comes back so often, and prints the nanoseconds that a
 * malloc and its free took, the work around them included, and how many of
 * them there were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How many calls are known before they repeat: a power of two. */
#define KNOWN 1024

static struct {
    int count;
    int sizes[3];
} calls[KNOWN];

static int next;

static unsigned long pairs;

/* Numbers that look random, the same each time. */
static int draw(int least, int most)
{
    static unsigned long state = 1;
    state = state * 6364136223846793005 + 1442695040888963407;
    return least + (state >> 33) % (most - least + 1);
}

static __attribute__((noinline)) void call(int depth)
{
    int at = next;
    next = (at + 1) % KNOWN;
    int count = calls[at].count;
    char *blocks[3];
    for (int i = 0; i < count; i++) {
        blocks[i] = malloc(calls[at].sizes[i]);
        *(volatile char *)blocks[i] = 1;
    }
    if (depth > 1)
        call(depth - 1);
    for (int i = count - 1; i >= 0; i--)
        free(blocks[i]);
    pairs += count;
}

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: nested DEPTH ROUNDS\n", stderr);
        return 2;
    }
    int depth = atoi(argv[1]);
    int rounds = atoi(argv[2]);
    for (int i = 0; i < KNOWN; i++) {
        calls[i].count = draw(1, 3);
        for (int j = 0; j < 3; j++)
            calls[i].sizes[j] = draw(16, 512);
    }
    /* The first calls fetch memory from the system. */
    call(depth);
    pairs = 0;
    double start = nanoseconds();
    for (int i = 0; i < rounds; i++)
        call(depth);
    double time = nanoseconds() - start;
    printf("%f %lu\n", time / pairs, pairs);
    return 0;
}
