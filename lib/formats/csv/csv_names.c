/* Names of columns that are there twice, for duplicate_names: number. The second `a` becomes a_2, the third a_3; a number whose name is there
 * already is left out. Each name is looked up in a hash table, which holds how far the numbers of a name have come. */
#include "formats/csv/csv.h"

#include "base/hash.h"
#include "base/memory.h"
#include <stdio.h>
#include <string.h>

typedef struct entry {
    const char *name; /* NULL: free */
    int32_t last;     /* number that was given last */
} entry;

typedef struct table {
    entry *entries;
    size_t mask;
} table;

static entry *find(const table *t, const char *name) {
    size_t at = (size_t)aip__hash64(name, strlen(name), 0) & t->mask;
    while (t->entries[at].name && strcmp(t->entries[at].name, name) != 0) at = (at + 1) & t->mask;
    return &t->entries[at];
}

static int32_t table_of(table *t, aip_context *ctx, char *const *names, int32_t n, aip_error **err) {
    size_t size = 4;
    while (size < 2 * (size_t)n) size *= 2;
    t->mask = size - 1;
    t->entries = aip__calloc(ctx, size, sizeof *t->entries);
    if (!t->entries) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < n; i++) {
        entry *e = find(t, names[i]);
        if (!e->name) *e = (entry){.name = names[i], .last = 1};
    }
    return AIP_OK;
}

/* A name of its own for column i, whose name `first` has. */
static int32_t number(const table *t, aip_context *ctx, char **names, int32_t i, entry *first, aip_error **err) {
    size_t size = strlen(names[i]) + 16;
    char *name = aip__alloc(ctx, size);
    if (!name) return aip__error_memory(ctx, err);
    do snprintf(name, size, "%s_%d", names[i], ++first->last);
    while (find(t, name)->name);
    aip__free(ctx, names[i]);
    names[i] = name;
    *find(t, name) = (entry){.name = name, .last = 1};
    return AIP_OK;
}

int32_t aip__csv_number_names(aip_context *ctx, char **names, int32_t n, bool *numbered, aip_error **err) {
    table t = {0};
    int32_t status = table_of(&t, ctx, names, n, err);
    *numbered = false;
    for (int32_t i = 0; i < n && status == AIP_OK; i++) {
        entry *e = find(&t, names[i]);
        if (e->name == names[i]) continue;
        status = number(&t, ctx, names, i, e, err);
        *numbered = true;
    }
    aip__free(ctx, t.entries);
    return status;
}
