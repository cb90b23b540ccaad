/* Files that crashed or confused other readers of CSV (apache/arrow-testing, data/csv/fuzzing): whatever they are, reading them ends alike, in the
 * same rows, rejects or error, for every block size, vector level and number of threads. The files are used where they lie, in the folder given.
 * Prints how many were held; exits with 77 (skipped) when there are none. */
#include <aipipe/aipipe.h>

#include "base/cpu.h"
#include "data/batch.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77
#define N_CONTEXTS 3
#define N_OPTIONS 4
#define MAX_COLUMNS 4096

static const char *const options[N_OPTIONS] = {
    "\"on_bad_row\": \"reject\"",
    "\"on_bad_row\": \"null\", \"ragged\": \"truncate\"",
    "\"on_bad_row\": \"reject\", \"header\": false, \"ragged\": \"pad\"",
    "\"header\": false, \"quote\": null",
};

typedef struct outcome {
    uint64_t digest, columns[MAX_COLUMNS];
    aip_row_counts counts;
} outcome;

static void mix(uint64_t *h, const void *bytes, size_t n) { /* FNV-1a */
    for (size_t i = 0; i < n; i++) *h = (*h ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

/* Column by column, so that it does not matter how the rows lie in batches. */
static int32_t take(void *user, aip_batch *b, aip_error **err) {
    outcome *o = user;
    (void)err;
    for (int32_t i = 0; i < b->n_columns; i++) {
        const aip__column *c = b->columns[i];
        uint64_t *h = &o->columns[i % MAX_COLUMNS];
        for (int64_t r = 0; r < b->n_rows; r++) {
            size_t n = aip__type_width(c->type);
            bool valid = aip__valid(c->validity, r), bit = c->type == AIP_BOOL && aip__bit_get(aip__column_bits(c), r);
            const char *text = c->type == AIP_UTF8   ? aip__column_text(c, r, &n)
                               : c->type == AIP_BOOL ? (const char *)&bit
                                                     : (const char *)c->values + (size_t)r * n;
            if (c->type == AIP_BOOL) n = sizeof bit;
            mix(h, &valid, sizeof valid);
            mix(h, &n, sizeof n);
            mix(h, text, n);
        }
    }
    return AIP_OK;
}

static void read_file(aip_context *ctx, const char *path, const char *extra, int32_t block_bytes, outcome *out) {
    char json[8192];
    aip_dataset *rows = NULL, *rejects = NULL;
    aip_error *err = NULL;
    memset(out, 0, sizeof *out);
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    snprintf(json, sizeof json, "{\"path\": \"%s\", \"format\": \"csv\", \"block_bytes\": %d, %s}", path, (int)block_bytes,
             extra);
    int32_t status = aip_dataset_read(ctx, json, &rows, &err);
    if (status == AIP_OK) status = aip_dataset_each(rows, NULL, take, out, &counts, &err);
    if (status == AIP_OK) status = aip_dataset_rejects(rows, NULL, &rejects, &err);
    if (status == AIP_OK) status = aip_dataset_each(rejects, NULL, take, out, NULL, &err);
    if (status == AIP_OK)
        out->counts = counts;
    else /* how far it came depends on the blocks; what it says does not */
        memset(out, 0, sizeof *out);
    mix(&out->digest, &status, sizeof status);
    mix(&out->digest, aip_error_text(err), strlen(aip_error_text(err)));
    aip_error_free(err);
    aip_dataset_free(rejects);
    aip_dataset_free(rows);
}

static int check(aip_context *const *contexts, const char *path) {
    static const int32_t blocks[] = {1048576, 64, 100, 1000, 4096, 65536};
    static outcome first, found;
    int wrong = 0;
    for (int k = 0; k < N_OPTIONS; k++) {
        read_file(contexts[0], path, options[k], blocks[0], &first);
        for (aip__cpu_level level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++)
            for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
                for (int i = 0; i < N_CONTEXTS && aip__cpu_set(level) == level; i++) {
                    read_file(contexts[i], path, options[k], blocks[b], &found);
                    if (memcmp(&found, &first, sizeof found) == 0) continue;
                    fprintf(stderr, "%s: {%s}: differs with block_bytes %d, %s, context %d\n", path, options[k], (int)blocks[b],
                            aip__cpu_name(level), i);
                    wrong = 1;
                }
    }
    return wrong;
}

int main(int argc, char **argv) {
    static const int32_t threads[N_CONTEXTS] = {AIP_THREADS_NONE, 2, 8};
    aip_context *contexts[N_CONTEXTS] = {NULL};
    int files = 0, wrong = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        printf("csv_hostile: SKIPPED, N = 0: no folder %s\n", argc == 2 ? argv[1] : "given");
        return SKIPPED;
    }
    for (int i = 0; i < N_CONTEXTS; i++) {
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.threads = threads[i];
        if (aip_context_create(&o, &contexts[i], NULL) != AIP_OK) return EXIT_FAILURE;
    }
    for (struct dirent *f; (f = readdir(dir));) {
        char path[4096];
        if (f->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], f->d_name);
        files++;
        wrong += check(contexts, path);
    }
    closedir(dir);
    for (int i = 0; i < N_CONTEXTS; i++) aip_context_free(contexts[i]);
    printf("csv_hostile: N = %d files, %d wrong\n", files, wrong);
    return wrong > 0 ? EXIT_FAILURE : files > 0 ? EXIT_SUCCESS : SKIPPED;
}
