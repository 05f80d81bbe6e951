/* A library that asks for memory when it is loaded, and whenever its process
   forks. */

#include <pthread.h>
#include <stdlib.h>

static void allocate(void)
{
    /* Through a volatile variable, or the compiler leaves both out. */
    void *volatile block = malloc(100);
    free(block);
}

__attribute__((constructor)) static void start(void)
{
    allocate();
    if (pthread_atfork(allocate, allocate, allocate))
        abort();
}
