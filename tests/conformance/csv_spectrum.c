/* csv-spectrum (github max-mapper/csv-spectrum): each of csvs/ reads as the table in json/. The suite's files are used where they lie, in the folder
 * given; they are not part of this tree. All columns are read as text, as the suite's tables have them; an unquoted empty cell is null here and
 * empty text there. Prints how many files were held; exits with 77 (skipped, and CI counts that) when there are none. */
#include <aipipe/aipipe.h>

#include "base/context.h"
#include "base/cpu.h"
#include "base/document.h"
#include "base/io.h"
#include "base/memory.h"
#include "data/batch.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77
#define N_CONTEXTS 4 /* with 0, 1, 2 and 8 workers */

typedef struct expected_rows {
    const char *name;
    const aip__node *const *rows;
    int32_t n, at;
    int wrong;
} expected_rows;

/* The suite's own slip: the JSON of this file has another telephone number than its CSV. */
static bool known_slip(const expected_rows *e, const char *column) {
    return strcmp(e->name, "location_coordinates.csv") == 0 && strcmp(column, "Contact Phone Number") == 0;
}

static int32_t compare(void *user, aip_batch *b, aip_error **err) {
    expected_rows *e = user;
    (void)err;
    for (int64_t r = 0; r < b->n_rows; r++, e->at++) {
        if (e->at >= e->n) continue; /* counted by the caller */
        for (int32_t c = 0; c < b->n_columns; c++) {
            const char *column = b->schema->fields[c].name, *found = "";
            const aip__node *want = aip__node_get(e->rows[e->at], column);
            size_t n = 0;
            if (aip__valid(b->columns[c]->validity, r)) found = aip__column_text(b->columns[c], r, &n);
            if (known_slip(e, column) || (want && want->length == n && memcmp(want->string, found, n) == 0)) continue;
            fprintf(stderr, "%s: row %d, column %s: expected '%s', found '%.*s'\n", e->name, e->at + 1, column,
                    want ? want->string : "?", (int)n, found);
            e->wrong++;
        }
    }
    return AIP_OK;
}

/* {"path": ..., "block_bytes": ..., "types": {each column: utf8}} */
static void parameters(const char *path, int32_t block_bytes, const aip__node *row, aip__text *out) {
    aip__text_printf(out, "{\"block_bytes\": %d, \"path\": ", (int)block_bytes);
    aip__text_json(out, path, strlen(path));
    aip__text_str(out, ", \"types\": {");
    for (int32_t i = 0; i < row->n; i++) {
        aip__text_str(out, i > 0 ? ", " : "");
        aip__text_json(out, row->keys[i]->string, row->keys[i]->length);
        aip__text_str(out, ": \"utf8\"");
    }
    aip__text_str(out, "}}");
}

static int fails(const char *name, const char *what, aip_error *err) {
    fprintf(stderr, "%s: %s: %s\n", name, what, aip_error_text(err));
    aip_error_free(err);
    return 1;
}

static int check(aip_context *ctx, const char *folder, const char *name, int32_t block_bytes) {
    char csv[4096], json[4096];
    char *text = NULL;
    size_t n = 0;
    aip_error *err = NULL;
    aip__document *doc = NULL;
    aip_dataset *d = NULL;
    aip__text params;
    int wrong = 0;
    aip__text_init(&params, ctx);
    snprintf(csv, sizeof csv, "%s/csvs/%s", folder, name);
    snprintf(json, sizeof json, "%s/json/%.*s.json", folder, (int)strlen(name) - 4, name);
    if (aip__file_load(ctx, json, 1 << 20, &text, &n, &err) != AIP_OK
        || aip__json_parse(ctx, text, n, json, &doc, &err) != AIP_OK) {
        aip__free(ctx, text);
        return fails(name, "its table", err);
    }
    const aip__node *root = aip__document_root(doc);
    expected_rows e = {.name = name, .rows = &root, .n = 1};
    if (root->kind == AIP__LIST) e.rows = (const aip__node *const *)root->items, e.n = root->n;
    parameters(csv, block_bytes, e.rows[0], &params);
    if (aip_dataset_read(ctx, params.bytes, &d, &err) != AIP_OK || aip_dataset_each(d, NULL, compare, &e, NULL, &err) != AIP_OK)
        wrong = fails(name, "reading", err);
    else if (e.at != e.n)
        wrong = fprintf(stderr, "%s: expected %d rows, found %d\n", name, e.n, e.at) > 0;
    aip_dataset_free(d);
    aip__document_free(doc);
    aip__free(ctx, text);
    aip__text_free(&params);
    return wrong || e.wrong > 0;
}

/* The file with blocks of every size, at every vector level and with every number of workers. */
static int check_all(aip_context *const *contexts, const char *folder, const char *name) {
    static const int32_t blocks[] = {64, 100, 1000, 4096, 65536, 1048576};
    int wrong = 0;
    for (aip__cpu_level level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++)
        for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
            for (int i = 0; i < N_CONTEXTS && aip__cpu_set(level) == level; i++)
                wrong += check(contexts[i], folder, name, blocks[b]);
    return wrong > 0;
}

int main(int argc, char **argv) {
    static const int32_t threads[N_CONTEXTS] = {AIP_THREADS_NONE, 1, 2, 8};
    DIR *dir = NULL;
    char csvs[4096];
    int files = 0, wrong = 0;
    aip_context *contexts[N_CONTEXTS] = {NULL};
    if (argc != 2) return fprintf(stderr, "usage: csv_spectrum FOLDER\n"), 2;
    snprintf(csvs, sizeof csvs, "%s/csvs", argv[1]);
    dir = opendir(csvs);
    if (!dir) {
        printf("csv-spectrum: SKIPPED, N = 0: no folder %s\n", csvs);
        return SKIPPED;
    }
    for (int i = 0; i < N_CONTEXTS; i++) {
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.threads = threads[i];
        if (aip_context_create(&o, &contexts[i], NULL) != AIP_OK) return EXIT_FAILURE;
    }
    for (struct dirent *f; (f = readdir(dir));) {
        size_t n = strlen(f->d_name);
        if (n < 5 || strcmp(f->d_name + n - 4, ".csv") != 0) continue;
        files++;
        wrong += check_all(contexts, argv[1], f->d_name);
    }
    closedir(dir);
    for (int i = 0; i < N_CONTEXTS; i++) aip_context_free(contexts[i]);
    printf("csv-spectrum: N = %d files, %d wrong\n", files, wrong);
    return wrong > 0 ? EXIT_FAILURE : files > 0 ? EXIT_SUCCESS : SKIPPED;
}
