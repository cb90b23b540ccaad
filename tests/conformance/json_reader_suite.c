/* JSONTestSuite (github nst/JSONTestSuite) for the readers of JSON data: each file of test_parsing/ as the value of a field, {"v": FILE}, on a line of
 * its own (ndjson) and as an element of a list (json), at every vector level and several block sizes. Files y_* are read and n_* are refused with
 * a place; i_* may be either, but the same everywhere, and the same as the reader of documents says but for what that one limits on purpose. A
 * file with line feeds is no line; a list takes it. The suite's files are used where they lie, in the folder given; they are not part of this tree.
 * Prints how many files were held; exits with 77 (skipped, and CI counts that) when there are none. */
#include <aipipe/aipipe.h>

#include "base/cpu.h"
#include "base/io.h"
#include "base/memory.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIPPED 77

static const int blocks[] = {64, 1000, 1048576};
#define N_BLOCKS (sizeof blocks / sizeof *blocks)

static int32_t nothing(void *user, aip_batch *batch, aip_error **err) {
    (void)user, (void)batch, (void)err;
    return AIP_OK;
}

/* Reads the file; *placed: an error had line, column and offset. */
static int32_t read_file(aip_context *ctx, const char *path, int block, char *message, size_t size, int *placed) {
    char params[4200];
    aip_dataset *d = NULL;
    aip_error *err = NULL;
    snprintf(params, sizeof params, "{\"path\": \"%s\", \"fields\": [\"w\"], \"block_bytes\": %d}", path, block);
    int32_t status = aip_dataset_read(ctx, params, &d, &err);
    if (status == AIP_OK) status = aip_dataset_each(d, NULL, nothing, NULL, NULL, &err);
    snprintf(message, size, "%s", aip_error_text(err));
    *placed = aip_error_line(err) > 0 && aip_error_column(err) > 0 && aip_error_offset(err) >= 0;
    aip_error_free(err);
    aip_dataset_free(d);
    return status;
}

/* Whether FILE is accepted: 1, 0, or -1 when the ways of reading differ or a refusal has no place. */
static int accepted(aip_context *ctx, const char *path, const char *name) {
    int first = -2, placed = 0;
    char said[512] = "", message[512];
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
        if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
        for (size_t b = 0; b < N_BLOCKS; b++) {
            int32_t status = read_file(ctx, path, blocks[b], message, sizeof message, &placed);
            int good = status == AIP_OK;
            if (!good && (status != AIP_E_DATA || !placed)) {
                fprintf(stderr, "%s: refused without a place: %s\n", name, message);
                return -1;
            }
            if (first == -2) {
                first = good;
                memcpy(said, message, sizeof said);
            } else if (first != good || strcmp(said, message) != 0) {
                fprintf(stderr, "%s: %s, block_bytes %d: %s; before: %s\n", name, aip__cpu_name((aip__cpu_level)level), blocks[b],
                        message, said);
                return -1;
            }
        }
    }
    return first;
}

static int write_file(const char *path, const char *before, const char *text, size_t n, const char *after) {
    FILE *f = fopen(path, "wb");
    if (!f) return 0;
    fputs(before, f);
    fwrite(text, 1, n, f);
    fputs(after, f);
    return fclose(f) == 0;
}

static int check(aip_context *ctx, const char *folder, const char *made, const char *name) {
    static const char *const paths[] = {"made.ndjson", "made.json"};
    static const char *const before[] = {"{\"w\":1}\n{\"v\":", "[{\"w\":1},{\"v\":"}, *const after[] = {"}\n{\"w\":2}\n",
                                                                                                        "},{\"w\":2}]\n"};
    char path[4096], *text = NULL;
    size_t n = 0;
    int found = 0, said[2] = {-2, -2};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (aip__file_load(ctx, path, 1 << 20, &text, &n, NULL) != AIP_OK) return fprintf(stderr, "%s: cannot be loaded\n", name), 1;
    bool lines = n > 0 && memchr(text, '\n', n) != NULL;
    for (int k = 0; k < 2; k++) {
        if (k == 0 && lines && *name != 'n') continue;
        snprintf(path, sizeof path, "%s/%s", made, paths[k]);
        if (!write_file(path, before[k], text, n, after[k])) found = fprintf(stderr, "%s: cannot be written\n", path) > 0;
        said[k] = accepted(ctx, path, name);
        if (said[k] < 0 || (*name == 'y' && !said[k]) || (*name == 'n' && said[k]))
            found = fprintf(stderr, "%s: %s in %s\n", name,
                            said[k] > 0    ? "accepted"
                            : said[k] == 0 ? "refused"
                                           : "differs",
                            paths[k])
                    > 0;
        unlink(path);
    }
    if (said[0] != -2 && said[0] != said[1]) found = fprintf(stderr, "%s: not the same as a line and in a list\n", name) > 0;
    aip__free(ctx, text);
    return found;
}

int main(int argc, char **argv) {
    int files = 0, n_wrong = 0;
    aip_context *ctx = NULL;
    char made[] = "/tmp/aipipe-json-XXXXXX";
    if (argc != 2) return fprintf(stderr, "usage: json_reader_suite FOLDER\n"), 2;
    DIR *dir = opendir(argv[1]);
    if (!dir) {
        printf("JSONTestSuite, readers of data: SKIPPED, N = 0: no folder %s\n", argv[1]);
        return SKIPPED;
    }
    if (aip_context_create(NULL, &ctx, NULL) != AIP_OK || !mkdtemp(made)) {
        closedir(dir);
        return EXIT_FAILURE;
    }
    for (struct dirent *f; (f = readdir(dir));) {
        size_t n = strlen(f->d_name);
        if (n < 5 || strcmp(f->d_name + n - 5, ".json") != 0) continue;
        files++;
        n_wrong += check(ctx, argv[1], made, f->d_name);
    }
    closedir(dir);
    rmdir(made);
    aip_context_free(ctx);
    printf("JSONTestSuite, readers of data: N = %d files, %d wrong\n", files, n_wrong);
    return n_wrong > 0 ? EXIT_FAILURE : files > 0 ? EXIT_SUCCESS : SKIPPED;
}
