#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(void) {
    static char *words[5000];
    int x = 1, all = 0;
    for (int i = 0; i < 5000; i++) {
        char word[16];
        x = (x * 75 + 74) % 65537;
        all += sprintf(word, "w%d", x);
        words[i] = strdup(word);
    }
    qsort(words, 5000, sizeof *words, order);
    printf("%s %s %d\n", words[0], words[4999], all);
    return 0;
}
