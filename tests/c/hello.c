/* Keeps the lines of its input, counts them and lets them go. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    struct line *next;
    char text[];
};

int main(void) {
    char text[1000];
    struct line *lines = NULL;
    while (fgets(text, sizeof text, stdin)) {
        struct line *line = malloc(sizeof *line + strlen(text) + 1);
        if (!line) {
            perror("malloc");
            return 1;
        }
        strcpy(line->text, text);
        line->next = lines;
        lines = line;
    }

    int count = 0;
    while (lines) {
        struct line *next = lines->next;
        free(lines);
        lines = next;
        count++;
    }
    printf("hello, %d lines\n", count);
}
