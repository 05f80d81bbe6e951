/* Forks 1,000 times while other threads ask for memory and write to files.
   Each child asks for memory too, and ends. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int done;

static void allocate(void)
{
    static const size_t sizes[] = { 10, 100, 1000, 10000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        /* Through a volatile variable, or the compiler leaves both out. */
        void *volatile block = malloc(sizes[i]);
        free(block);
    }
}

static void write_a_file(void)
{
    FILE *file = fopen("/dev/null", "w");
    if (!file)
        abort();
    fputc('x', file);
    fclose(file);
}

static void flush_all_files(void)
{
    fflush(NULL);
}

/* Does the work of a thread again and again, with pauses: the thread that forks
   has to get its turn. */
static void *until_done(void *work)
{
    while (!done) {
        for (int i = 0; i < 50; i++)
            (*(void (**)(void))work)();
        usleep(100);
    }
    return NULL;
}

static void (*const works[])(void) = {
    allocate, allocate, write_a_file, flush_all_files
};
enum { WORKS = sizeof works / sizeof *works };

int main(void)
{
    pthread_t threads[WORKS];
    for (int i = 0; i < WORKS; i++)
        if (pthread_create(&threads[i], NULL, until_done, (void *)&works[i]))
            return 1;
    for (int i = 0; i < 1000; i++) {
        alarm(25); /* ends what hangs */
        pid_t child = fork();
        if (child == 0) {
            for (int j = 0; j < WORKS; j++)
                works[j]();
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    done = 1;
    for (int i = 0; i < WORKS; i++)
        pthread_join(threads[i], NULL);
    puts("1000 children asked for memory and ended");
    return 0;
}
