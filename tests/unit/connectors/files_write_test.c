/* Writing by many threads: the same bytes for any number of them and however the text was cut when it was read, whole or not at all. */
#include "../formats/table_fixture.h"
#include "base/hash.h"
#include "connectors_suites.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROWS 150000

static void source_file(void) {
    char *path = table_path("w-from.csv");
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs("id,x,text,flag\n", f);
    for (int i = 0; i < ROWS; i++) {
        if (i % 1000 == 999)
            fprintf(f, "%d,,\"a %d\n, \"\"quoted\"\" one\",true\n", i, i);
        else
            fprintf(f, "%d,%d.25,%.*s,%s\n", i, i, i % 40, "the quick brown fox jumps over the lazy dog",
                    i % 3 ? "false" : "true");
    }
    ck_assert_int_eq(fclose(f), 0);
    free(path);
}

static uint64_t digest_of(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t most = (size_t)32 << 20;
    char *bytes = malloc(most);
    ck_assert_ptr_nonnull(bytes);
    *n = fread(bytes, 1, most, f);
    ck_assert_uint_lt(*n, most);
    fclose(f);
    uint64_t digest = aip__hash64(bytes, *n, 0);
    free(bytes);
    return digest;
}

static void writes_alike(const char *name) {
    static const char *const blocks[N_TABLE_WORKERS] = {"\"block_bytes\": 1048576", "\"block_bytes\": 4096",
                                                        "\"block_bytes\": 1000003", "\"block_bytes\": 65536"};
    uint64_t digests[N_TABLE_WORKERS];
    source_file();
    char *from = table_path("w-from.csv"), *to = table_path(name), json[600];
    snprintf(json, sizeof json, "{\"path\": \"%s\"}", to);
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        aip_dataset *d = NULL;
        aip_row_counts counts = AIP_ROW_COUNTS_INIT;
        size_t n = 0;
        OK(table_read(ctx, from, blocks[w], &d, &err));
        OK(aip_dataset_write(d, json, NULL, &counts, &err));
        ck_assert_int_eq(counts.rows_out, ROWS);
        digests[w] = digest_of(to, &n);
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_eq(digests[w], digests[0]);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    /* and what was written are the rows that were read */
    aip_context *ctx = table_context(2);
    aip_dataset *before = NULL, *after = NULL;
    OK(table_read(ctx, from, NULL, &before, &err));
    OK(table_read(ctx, to, NULL, &after, &err));
    char *expected = table_text(before), *found = table_text(after);
    ck_assert_str_eq(found, expected);
    free(expected), free(found), free(from), free(to);
    aip_dataset_free(before);
    aip_dataset_free(after);
    table_context_free(ctx);
}

START_TEST(csv_is_the_same_bytes_for_any_workers_and_blocks) { writes_alike("w-to.csv"); }
END_TEST

START_TEST(gzip_is_the_same_bytes_for_any_workers_and_blocks) { writes_alike("w-to.csv.gz"); }
END_TEST

#ifdef AIPIPE_ZSTD
START_TEST(zstd_is_the_same_bytes_for_any_workers_and_blocks) { writes_alike("w-to.csv.zst"); }
END_TEST
#endif

static int32_t cancel_at_half(void *user, const aip_progress *p) {
    if (p->rows > ROWS / 2) aip_cancel_request(user);
    return AIP_OK;
}

START_TEST(a_cancelled_write_leaves_the_file_as_it_was) {
    static const char *const names[] = {"w-kept.csv", "w-kept.csv.gz"};
    source_file();
    for (size_t k = 0; k < 2; k++)
        for (int w = 0; w < N_TABLE_WORKERS; w++) {
            aip_context *ctx = table_context(table_workers[w]);
            char *from = table_path("w-from.csv"), *to = table_file(names[k], "kept\n", 5), json[600], text[16] = "";
            aip_dataset *d = NULL;
            aip_call call = AIP_CALL_INIT;
            snprintf(json, sizeof json, "{\"path\": \"%s\"}", to);
            OK(table_read(ctx, from, "\"block_bytes\": 4096", &d, &err));
            OK(aip_cancel_create(ctx, &call.cancel, &err));
            aip_cancel_request(call.cancel);
            FAILS(aip_dataset_write(d, json, &call, NULL, &err), AIP_E_CANCELLED, "cancel");
            aip_cancel_free(call.cancel);
            call.cancel = NULL;
            OK(aip_cancel_create(ctx, &call.cancel, &err));
            call.progress = cancel_at_half; /* asked each 50 ms: it may come too late, but then at the end */
            call.user = call.cancel;
            FAILS(aip_dataset_write(d, json, &call, NULL, &err), AIP_E_CANCELLED, "cancel");
            FILE *f = fopen(to, "r");
            ck_assert_ptr_nonnull(f);
            ck_assert_uint_eq(fread(text, 1, sizeof text, f), 5);
            ck_assert_str_eq(text, "kept\n");
            fclose(f);
            free(from), free(to);
            aip_cancel_free(call.cancel);
            aip_dataset_free(d);
            table_context_free(ctx);
        }
}
END_TEST

START_TEST(a_full_device_is_an_error_that_names_it) {
    if (access("/dev/full", W_OK) != 0) return;
    source_file();
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        char *from = table_path("w-from.csv");
        aip_dataset *d = NULL;
        OK(table_read(ctx, from, NULL, &d, &err));
        FAILS(aip_dataset_write(d, "{\"path\": \"/dev/full\", \"format\": \"csv\"}", NULL, NULL, &err), AIP_E_IO,
              "/dev/full: cannot write");
        free(from);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
}
END_TEST

Suite *files_write_suite(void) {
    const TTest *const tests[] = {
        csv_is_the_same_bytes_for_any_workers_and_blocks,  gzip_is_the_same_bytes_for_any_workers_and_blocks,
#ifdef AIPIPE_ZSTD
        zstd_is_the_same_bytes_for_any_workers_and_blocks,
#endif
        a_cancelled_write_leaves_the_file_as_it_was,       a_full_device_is_an_error_that_names_it,           NULL};
    return unit_suite("files_write", tests);
}
