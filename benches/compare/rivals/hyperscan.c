#define _GNU_SOURCE
/* hyperscan EVENTS LIST: every line to standard output; one that contains a value of the list gets " ti" at its end.
 * Blocks of whole lines, literals without regular expressions. */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 << 10, HITS = 1 << 16 };

static unsigned long long ends[HITS];
static size_t hits;

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
    (void)id, (void)from, (void)flags, (void)context;
    if (hits < HITS)
        ends[hits++] = to;
    return 0;
}

static hs_database_t *compile(const char *path) {
    FILE *file = fopen(path, "r");
    size_t count = 0, room = 1 << 14, space = 0;
    const char **values = malloc(room * sizeof *values);
    size_t *lengths = malloc(room * sizeof *lengths);
    char *line = NULL;
    for (ssize_t n; file && (n = getline(&line, &space, file)) > 0;) {
        if (line[n - 1] == '\n')
            line[--n] = 0;
        if (n == 0)
            continue;
        if (count == room) {
            room *= 2;
            values = realloc(values, room * sizeof *values);
            lengths = realloc(lengths, room * sizeof *lengths);
        }
        values[count] = strdup(line);
        lengths[count++] = (size_t)n;
    }
    /* Without ids of their own, values take quadratic time to compile. */
    unsigned *ids = malloc(count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = (unsigned)i;
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;
    if (hs_compile_lit_multi(values, NULL, ids, lengths, (unsigned)count, HS_MODE_BLOCK, NULL, &database, &error)) {
        fprintf(stderr, "hyperscan: %s\n", error->message);
        exit(2);
    }
    return database;
}

static void write_tagged(const char *data, size_t length) {
    size_t done = 0;
    for (size_t i = 0; i < hits; i++) {
        if (ends[i] <= done)
            continue; /* the line is tagged already */
        const char *end = memchr(data + ends[i], '\n', length - ends[i]);
        size_t upto = end ? (size_t)(end - data) : length;
        fwrite(data + done, 1, upto - done, stdout);
        fputs(" ti", stdout);
        done = upto;
    }
    fwrite(data + done, 1, length - done, stdout);
    hits = 0;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    hs_database_t *database = compile(argv[2]);
    hs_scratch_t *scratch = NULL;
    FILE *events = fopen(argv[1], "r");
    if (!events || hs_alloc_scratch(database, &scratch))
        return 2;
    static char buffer[2 * BLOCK];
    size_t kept = 0, got;
    setvbuf(events, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOFBF, BLOCK);
    while ((got = fread(buffer + kept, 1, BLOCK, events)) > 0) {
        size_t length = kept + got;
        char *end = memrchr(buffer, '\n', length);
        size_t whole = end && length < sizeof buffer ? (size_t)(end - buffer) + 1 : length;
        if (!end && length + BLOCK <= sizeof buffer) {
            kept = length;
            continue;
        }
        hs_scan(database, buffer, (unsigned)whole, 0, scratch, on_hit, NULL);
        write_tagged(buffer, whole);
        kept = length - whole;
        memmove(buffer, buffer + whole, kept);
    }
    hs_scan(database, buffer, (unsigned)kept, 0, scratch, on_hit, NULL);
    write_tagged(buffer, kept);
    return 0;
}
