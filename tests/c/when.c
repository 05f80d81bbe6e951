/* Calls of malloc at every time at which a program can make one. */

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile block;
static void *volatile none;
static sigjmp_buf out;

/* Two calls. */
static void take_and_free(size_t size) {
    block = malloc(size);
    free(block);
}

__attribute__((constructor)) static void before_main(void) {
    take_and_free(10);
}

static void at_the_end(void) {
    take_and_free(20);
    take_and_free(21);
}

static void handler(int signal) {
    take_and_free(30);
    if (signal == SIGUSR2)
        siglongjmp(out, 1);
}

int main(void) {
    atexit(at_the_end);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    raise(SIGUSR1);
    if (sigsetjmp(out, 1) == 0)
        raise(SIGUSR2);
    /* No longer in the handler, though it did not return. */
    take_and_free(40);
    if (fork() == 0) {
        take_and_free(50);
        block = malloc(51);
        _exit(0);
    }
    wait(NULL);
    block = malloc(123456);
    block = realloc(block, 0);
    block = calloc(4, 25);
    /* The compiler would make a malloc of it if it knew. */
    block = realloc(none, 60);
    return 0;
}
