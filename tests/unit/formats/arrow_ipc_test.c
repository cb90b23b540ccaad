/* Arrow IPC: what is written reads back, the same bytes every time, and damage of any byte is met with an error or changes nothing that was
 * not damaged. That others read what is written, and their files are read, is held by the tests of Python and by Arrow's golden files. */
#include "formats_suites.h"
#include "table_fixture.h"

#include "data/batch.h"
#include "formats/arrow_ipc/arrow_ipc.h"
#include "formats/arrow_ipc/lz4_frame.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a table of every type --------------------------------------------------------------------------------------------------------------- */

#define N_TYPES 12
#define MOST_ROWS 70000

static const aip_field fields[N_TYPES] = {{sizeof(aip_field), AIP_BOOL, "b", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_INT32, "i32", NULL, 0, 0},
                                          {sizeof(aip_field), AIP_INT64, "i64", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_FLOAT32, "f32", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_FLOAT64, "f64", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_UTF8, "text", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_BINARY, "bytes", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_DICTIONARY, "word", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_DATE32, "day", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_TIMESTAMP, "wall", NULL, 0, 1},
                                          {sizeof(aip_field), AIP_TIMESTAMP, "at", "Europe/Berlin", 0, 1},
                                          {sizeof(aip_field), AIP_DECIMAL64, "price", NULL, 2, 1}};

/* Row i of each column, by a rule; every seventh is null, but in the second column. */
static aip_dataset *table_of(aip_context *ctx, int64_t n) {
    static uint8_t validity[MOST_ROWS / 8 + 1], bits[MOST_ROWS / 8 + 1];
    static int32_t i32[MOST_ROWS], codes[MOST_ROWS], offsets[MOST_ROWS + 1], words[] = {0, 3, 3, 8};
    static int64_t i64[MOST_ROWS];
    static float f32[MOST_ROWS];
    static double f64[MOST_ROWS];
    static char text[MOST_ROWS * 3];
    memset(validity, 0, sizeof validity);
    memset(bits, 0, sizeof bits);
    for (int64_t i = 0; i < n; i++) {
        if (i % 7 != 3) validity[i / 8] = (uint8_t)(validity[i / 8] | 1u << i % 8);
        if (i % 3 == 0) bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
        i32[i] = (int32_t)(i * 2654435761u);
        i64[i] = i * INT64_C(7919000001) - 500;
        f32[i] = (float)i / 8;
        f64[i] = (double)i * 0.1;
        codes[i] = (int32_t)(i % 3);
        offsets[i + 1] = offsets[i] + (int32_t)(i % 4);
        memset(text + offsets[i], (int)('a' + i % 26), (size_t)(i % 4));
    }
    aip_column_view v[N_TYPES];
    const void *values[N_TYPES] = {bits, i32, i64, f32, f64, text, text, codes, i32, i64, i64, i64};
    for (int32_t c = 0; c < N_TYPES; c++) {
        v[c] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        v[c].type = fields[c].type;
        v[c].length = n;
        v[c].validity = c == 1 ? NULL : validity;
        v[c].values = values[c];
        if (c == 5 || c == 6) v[c].offsets = offsets;
    }
    v[7].dictionary_length = 3;
    v[7].dictionary_offsets = words;
    v[7].dictionary_bytes = "redgreen";
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    OK(aip_schema_create(ctx, fields, N_TYPES, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, N_TYPES, &d, &err));
    aip_schema_free(schema);
    return d;
}

static void write_to(aip_dataset *d, const char *path, const char *extra) {
    char json[600];
    snprintf(json, sizeof json, "{\"path\": \"%s\"%s%s}", path, extra ? ", " : "", extra ? extra : "");
    OK(aip_dataset_write(d, json, NULL, NULL, &err));
}

static char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    char *bytes = malloc(1 << 24);
    ck_assert_ptr_nonnull(bytes);
    *n = fread(bytes, 1, 1 << 24, f);
    fclose(f);
    return bytes;
}

static void same_fields(aip_dataset *a, aip_dataset *b) {
    const aip_schema *x = aip_dataset_schema(a), *y = aip_dataset_schema(b);
    ck_assert_int_eq(x->n, y->n);
    for (int32_t i = 0; i < x->n; i++) {
        const aip_field *f = &x->fields[i], *g = &y->fields[i];
        ck_assert_str_eq(f->name, g->name);
        ck_assert_int_eq(f->type, g->type);
        ck_assert_int_eq(f->scale, g->scale);
        ck_assert_int_eq(f->nullable, g->nullable);
        ck_assert_str_eq(f->zone ? f->zone : "", g->zone ? g->zone : "");
    }
}

START_TEST(every_type_null_zone_scale_and_dictionary_reads_back_as_it_was) {
    static const char *const names[] = {"t.arrow", "t.feather", "t.arrows", "t.ipc", "t.arrow.gz", "t.arrows.gz"};
    static const int64_t rows[] = {0, 1, 8, MOST_ROWS};
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char *path = table_path(names[k]);
            for (size_t r = 0; r < (k == 0 || k == 2 ? sizeof rows / sizeof *rows : 3); r++) {
                aip_dataset *d = table_of(ctx, rows[r]), *back = NULL;
                write_to(d, path, NULL);
                OK(table_read(ctx, path, NULL, &back, &err));
                same_fields(d, back);
                char *expected = table_text(d), *found = table_text(back);
                ck_assert_msg(strcmp(expected, found) == 0, "%s with %d rows", names[k], (int)rows[r]);
                free(expected);
                free(found);
                aip_dataset_free(back);
                aip_dataset_free(d);
            }
            free(path);
        }
        table_context_free(ctx);
    }
}
END_TEST

#ifdef AIPIPE_ZSTD

static int32_t count_rows(void *user, aip_batch *batch, aip_error **err) {
    (void)err;
    *(int64_t *)user += aip_batch_n_rows(batch);
    return AIP_OK;
}

/* Compressed batches are made plain by whoever decodes them, some hundred times as large: that much is reserved, or many workers would run into the limit. */
START_TEST(compressed_batches_are_held_against_the_memory_limit_by_what_they_will_take) {
    enum { N_COLUMNS = 8, N_ROWS = 12 * 65536 };
    char *packed = table_path("packed.arrow"), json[300];
    aip_context *ctx = table_context(0), *tight = table_context_limited(8, (uint64_t)24 << 20);
    aip_field same[N_COLUMNS];
    aip_column_view v[N_COLUMNS];
    aip_schema *schema = NULL;
    aip_dataset *d = NULL, *back = NULL;
    int64_t n = 0, *zeros = calloc(N_ROWS, sizeof *zeros);
    ck_assert_ptr_nonnull(zeros);
    for (int32_t c = 0; c < N_COLUMNS; c++) {
        static const char *const names[N_COLUMNS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
        same[c] = (aip_field){sizeof(aip_field), AIP_INT64, names[c], NULL, 0, 0};
        v[c] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        v[c].type = AIP_INT64;
        v[c].length = N_ROWS;
        v[c].values = zeros;
    }
    OK(aip_schema_create(ctx, same, N_COLUMNS, &schema, &err));
    OK(aip_dataset_from_columns(schema, v, N_COLUMNS, &d, &err));
    write_to(d, packed, "\"compression\": \"zstd\"");
    snprintf(json, sizeof json, "{\"path\": \"%s\"}", packed);
    OK(aip_dataset_read(tight, json, &back, &err));
    OK(aip_dataset_each(back, NULL, count_rows, &n, NULL, &err));
    ck_assert_int_eq(n, N_ROWS);
    aip_dataset_free(back);
    aip_dataset_free(d);
    aip_schema_free(schema);
    table_context_free(tight);
    table_context_free(ctx);
    free(zeros);
    unlink(packed);
    free(packed);
}
END_TEST

#endif

START_TEST(the_same_rows_are_the_same_bytes_whatever_the_workers_and_buffers_lie_at_64_bytes) {
    char *first = NULL;
    size_t n_first = 0;
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        aip_dataset *d = table_of(ctx, MOST_ROWS);
        char *path = table_path("same.arrow");
        size_t n = 0;
        write_to(d, path, NULL);
        char *bytes = slurp(path, &n);
        ck_assert_int_eq(memcmp(bytes, "ARROW1\0\0", 8), 0);
        ck_assert_int_eq(memcmp(bytes + n - 6, "ARROW1", 6), 0);
        int32_t schema = 0;
        memcpy(&schema, bytes + 12, 4);
        ck_assert_int_eq((schema + 16) % 64, 0); /* the schema's end; each message behind it is a multiple of 64 long */
        if (!first) {
            first = bytes;
            n_first = n;
        } else {
            ck_assert_uint_eq(n, n_first);
            ck_assert_int_eq(memcmp(bytes, first, n), 0);
            free(bytes);
        }
        free(path);
        aip_dataset_free(d);
        table_context_free(ctx);
    }
    free(first);
}
END_TEST

typedef struct writing {
    void *writer;
    aip__text all;
} writing;

static int32_t add_text(void *user, aip_batch *batch, aip_error **err) {
    writing *w = user;
    aip__text one;
    aip__text_init(&one, w->all.ctx);
    AIP__TRY(aip__ipc_write_batch(w->writer, batch, &one, err));
    AIP__TRY(aip__ipc_write_place(w->writer, batch->n_rows, &one, NULL, err));
    aip__text_add(&w->all, one.bytes, one.n);
    aip__text_free(&one);
    return AIP_OK;
}

START_TEST(buffers_written_from_where_they_lie_give_the_bytes_that_copies_of_them_give) {
    aip_context *ctx = table_context(2);
    aip_dataset *d = table_of(ctx, MOST_ROWS);
    aip_params *params = NULL;
    aip_descriptor descriptor = aip__arrow_ipc_descriptor;
    writing w = {0};
    char *path = table_path("pieces.arrow");
    size_t n = 0;
    write_to(d, path, NULL);
    char *bytes = slurp(path, &n);
    descriptor.params = aip__ipc_write_params;
    descriptor.n_params = AIP__IPC_N_WRITE_PARAMS;
    OK(aip__params_parse(ctx, &descriptor, "{}", &params, &err));
    aip__text_init(&w.all, ctx);
    OK(aip__ipc_write_begin(ctx, params, "arrow", aip_dataset_schema(d), &w.all, &w.writer, &err));
    OK(aip_dataset_each(d, NULL, add_text, &w, NULL, &err));
    OK(aip__ipc_write_end(w.writer, &w.all, &err));
    ck_assert_uint_eq(w.all.n, n);
    ck_assert_int_eq(memcmp(w.all.bytes, bytes, n), 0);
    aip__ipc_write_free(w.writer);
    aip__text_free(&w.all);
    aip__params_free(params);
    free(bytes);
    free(path);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

/* ---- dictionaries -------------------------------------------------------------------------------------------------------------------------- */

static aip_batch *words_batch(const aip_schema *schema, const int32_t *codes, int64_t n, const char *words, int32_t n_words) {
    int32_t offsets[16] = {0};
    for (int32_t i = 0; i < n_words; i++) offsets[i + 1] = i + 1; /* words of one letter */
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    aip_batch *b = NULL;
    v.type = AIP_DICTIONARY;
    v.length = n;
    v.values = codes;
    v.dictionary_length = n_words;
    v.dictionary_offsets = offsets;
    v.dictionary_bytes = words;
    OK(aip_batch_create(schema, &v, 1, &b, &err));
    return b;
}

START_TEST(batches_with_dictionaries_of_their_own_are_replaced_in_a_stream_and_added_to_in_a_file) {
    static const char *const names[] = {"w.arrows", "w.arrow", "w.arrows.gz", "w.arrow.gz"};
    static const int32_t a[] = {0, 1, 1}, b[] = {0, 1, 2}, c[] = {1, 0};
    for (int w = 0; w < N_TABLE_WORKERS; w++) {
        aip_context *ctx = table_context(table_workers[w]);
        aip_field f = fields[7];
        aip_schema *schema = NULL;
        OK(aip_schema_create(ctx, &f, 1, &schema, &err));
        aip_batch *batches[] = {words_batch(schema, a, 3, "xy", 2), words_batch(schema, b, 3, "yzx", 3),
                                words_batch(schema, c, 2, "xy", 2)};
        aip_dataset *d = NULL;
        OK(aip_dataset_from_batches(schema, batches, 3, &d, &err));
        for (size_t k = 0; k < 4; k++) {
            char *path = table_path(names[k]);
            aip_dataset *back = NULL;
            write_to(d, path, NULL);
            OK(table_read(ctx, path, NULL, &back, &err));
            char *text = table_text(back);
            ck_assert_str_eq(text, "word:dictionary\n'x'\n'y'\n'y'\n'y'\n'z'\n'x'\n'y'\n'x'\n");
            free(text);
            free(path);
            aip_dataset_free(back);
        }
        for (int i = 0; i < 3; i++) aip_batch_free(batches[i]);
        aip_dataset_free(d);
        aip_schema_free(schema);
        table_context_free(ctx);
    }
}
END_TEST

/* ---- what is asked for --------------------------------------------------------------------------------------------------------------------- */

START_TEST(columns_are_chosen_renamed_and_missed_by_name_and_parameters_of_text_are_unknown) {
    aip_context *ctx = table_context(1);
    aip_dataset *d = table_of(ctx, 5), *back = NULL;
    char *path = table_path("c.arrow"), *stream = table_path("c.bin");
    write_to(d, path, NULL);
    OK(table_read(ctx, path, "\"columns\": {\"price\": \"p\", \"word\": \"w\"}", &back, &err));
    char *text = table_text(back);
    ck_assert_str_eq(text, "p:decimal64 w:dictionary\n-5.00|'red'\n79189995.01|''\n158379995.02|'green'\n~|~\n316759995.04|''\n");
    free(text);
    aip_dataset_free(back);
    FAILS(table_read(ctx, path, "\"columns\": [\"prise\"]", &back, &err), AIP_E_SCHEMA, "did you mean 'price'?");
    FAILS(table_read(ctx, path, "\"types\": {\"price\": \"int64\"}", &back, &err), AIP_E_PARAM, "types");
    FAILS(table_read(ctx, path, "\"on_bad_row\": \"null\"", &back, &err), AIP_E_PARAM, "on_bad_row");
    write_to(d, stream, "\"format\": \"arrow\", \"layout\": \"stream\"");
    OK(table_read(ctx, stream, "\"format\": \"arrow\", \"columns\": [\"i32\"]", &back, &err));
    aip_dataset_free(back);
    free(path);
    free(stream);
    aip_dataset_free(d);
    table_context_free(ctx);
}
END_TEST

START_TEST(files_that_are_something_else_are_refused_with_what_was_expected) {
    static const struct {
        const char *bytes;
        size_t n;
        int32_t status;
        const char *text;
    } cases[] = {
        {"", 0, AIP_E_CORRUPT, "the file is empty"},
        {"FEA1....", 8, AIP_E_UNSUPPORTED, "Feather version 1"},
        {"a,b\n1,2\n3,4\n", 12, AIP_E_CORRUPT, "expected an Arrow file"},
        {"ARROW1\0\0", 8, AIP_E_CORRUPT, "cut off"},
        {"ARROW1\0\0..................", 26, AIP_E_CORRUPT, "to end with ARROW1"},
        {"ARROW1\0\0..........\x7f\x7f\x7f\x7f"
         "ARROW1",
         28, AIP_E_CORRUPT, "size of the footer"},
        {"\xff\xff\xff\xff\x10\0\0\0", 8, AIP_E_CORRUPT, "expected 16 bytes of a message's metadata, found 0"},
        {"\xff\xff\xff\xff\0\0\0\0", 8, AIP_E_CORRUPT, "expected the schema first, found the end"},
        {"\xff\xff\xff\xff\x08\0\0\0\x7f\0\0\0\0\0\0\0", 16, AIP_E_CORRUPT, "the metadata is damaged"},
    };
    aip_context *ctx = table_context(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = table_file("x.arrow", cases[i].bytes, cases[i].n);
        aip_dataset *d = NULL;
        aip_error *error = NULL;
        int32_t status = table_read(ctx, path, NULL, &d, &error);
        ck_assert_msg(status == cases[i].status && strstr(aip_error_text(error), cases[i].text), "case %zu: %s", i,
                      aip_error_text(error));
        ck_assert_int_ge(aip_error_offset(error), 0);
        aip_error_free(error);
        free(path);
    }
    table_context_free(ctx);
}
END_TEST

/* ---- damage -------------------------------------------------------------------------------------------------------------------------------- */

static int32_t schema_of(aip_context *ctx, const aip__sample *s, aip_schema **out, aip_error **err) {
    aip_field some[64];
    for (int32_t i = 0; i < s->n; i++) {
        if (i == 64 || s->fields[i].type == 0) return AIP_E_UNSUPPORTED;
        some[i] = s->fields[i];
        some[i].name = s->names[i];
    }
    return aip_schema_create(ctx, some, s->n, out, err);
}

/* All rows of the bytes, read as they lie or on and on as from a pipe; *rows counts them. */
static int32_t read_bytes(aip_context *ctx, const char *bytes, size_t n, bool on, int64_t *rows, aip_error **err) {
    const aip__format_ops *ops = aip__arrow_ipc_descriptor.ops;
    aip__stream *stream = NULL;
    aip__file nothing = {.fd = -1};
    aip__text seen = {.ctx = ctx, .bytes = (char *)(uintptr_t)bytes, .n = n};
    aip__sample s = {0};
    void *reader = NULL;
    *rows = 0;
    int32_t status = aip__stream_memory(ctx, bytes, n, &stream, err);
    if (status == AIP_OK) status = ops->sample(ctx, stream, "x", 1, &s, err);
    aip__stream_close(stream);
    stream = NULL;
    aip_schema *schema = NULL;
    if (status == AIP_OK) status = schema_of(ctx, &s, &schema, err);
    if (status == AIP_OK && on) status = aip__file_open(ctx, "/dev/null", &nothing, err);
    if (status == AIP_OK)
        status =
            on ? aip__stream_pipe(ctx, &nothing, &seen, true, &stream, err) : aip__stream_memory(ctx, bytes, n, &stream, err);
    if (status == AIP_OK) status = ops->open(ctx, stream, "x", schema, s.names, &reader, err);
    for (bool end = false; status == AIP_OK;) {
        aip__item item = {0};
        aip__decoded d = {0};
        status = ops->next(reader, &item, &end, err);
        if (status != AIP_OK || end) break;
        status = ops->decode(reader, &item, &d, err);
        ops->item_free(reader, &item);
        if (status == AIP_OK) *rows += d.batch->n_rows;
        aip_batch_free(d.batch);
    }
    if (reader) ops->close(reader);
    aip__stream_close(stream);
    aip__file_close(&nothing);
    aip_schema_free(schema);
    aip__sample_free(ctx, &s);
    return status;
}

static char *written(aip_context *ctx, const char *name, int64_t rows, size_t *n) {
    aip_dataset *d = table_of(ctx, rows);
    char *path = table_path(name);
    write_to(d, path, NULL);
    char *bytes = slurp(path, n);
    free(path);
    aip_dataset_free(d);
    return bytes;
}

START_TEST(bytes_cut_off_anywhere_are_an_error_with_a_place_but_for_a_stream_between_two_messages) {
    for (int file = 0; file < 2; file++)
        for (int on = 0; on < 2; on++) {
            aip_context *ctx = table_context(0);
            size_t n = 0;
            int64_t rows = 0;
            int n_good = 0;
            char *bytes = written(ctx, file ? "cut.arrow" : "cut.arrows", 9, &n);
            OK(read_bytes(ctx, bytes, n, on, &rows, &err));
            ck_assert_int_eq(rows, 9);
            for (size_t k = 0; k < n; k++) {
                aip_error *error = NULL;
                int32_t status = read_bytes(ctx, bytes, k, on, &rows, &error);
                n_good += status == AIP_OK;
                ck_assert_msg(status == AIP_OK || (status == AIP_E_CORRUPT && aip_error_offset(error) >= 0),
                              "%zu of %zu bytes: %d %s", k, n, (int)status, aip_error_text(error));
                aip_error_free(error);
            }
            /* a stream may end without its end mark: behind the schema, the dictionary, the batch */
            ck_assert_int_eq(n_good, file ? 0 : 3);
            free(bytes);
            table_context_free(ctx);
        }
}
END_TEST

START_TEST(any_byte_that_is_another_is_an_error_or_another_value_and_never_a_crash) {
    static const uint8_t flips[] = {0xff, 0x01, 0x80};
    for (int file = 0; file < 2; file++)
        for (int on = 0; on < 2; on++) {
            aip_context *ctx = table_context_limited(0, (uint64_t)64 << 20);
            size_t n = 0;
            int n_bad = 0;
            char *bytes = written(ctx, file ? "flip.arrow" : "flip.arrows", 9, &n);
            for (size_t k = 0; k < n; k++)
                for (size_t f = 0; f < sizeof flips; f++) {
                    aip_error *error = NULL;
                    int64_t rows = 0;
                    bytes[k] = (char)(bytes[k] ^ flips[f]);
                    int32_t status = read_bytes(ctx, bytes, n, on, &rows, &error);
                    bytes[k] = (char)(bytes[k] ^ flips[f]);
                    ck_assert_msg(status != AIP_E_INTERNAL && status != AIP_E_MISUSE, "byte %zu: %s", k, aip_error_text(error));
                    n_bad += status != AIP_OK;
                    aip_error_free(error);
                }
            ck_assert_int_gt(n_bad, 1000); /* of the metadata most bytes matter */
            free(bytes);
            table_context_free(ctx);
        }
}
END_TEST

START_TEST(a_refused_allocation_anywhere_is_an_error_and_leaves_nothing) {
    for (int file = 0; file < 2; file++) {
        aip_context *ctx = table_context_refusing(0);
        size_t n = 0;
        int64_t rows = 0, allow = 0;
        char *bytes = written(ctx, file ? "m.arrow" : "m.arrows", 9, &n), *path = table_path("m2.arrow");
        aip_dataset *d = table_of(ctx, 9);
        char json[600];
        snprintf(json, sizeof json, "{\"path\": \"%s\"}", path);
        for (int32_t status = AIP_E_NOMEM; status != AIP_OK; allow++) {
            table_refuse_after(allow);
            status = read_bytes(ctx, bytes, n, file, &rows, NULL);
            table_refuse_after(-1);
            ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "reading, %d allocations: %d", (int)allow, (int)status);
        }
        ck_assert_int_gt(allow, 20);
        allow = 0;
        for (int32_t status = AIP_E_NOMEM; status != AIP_OK; allow++) {
            table_refuse_after(allow);
            status = aip_dataset_write(d, json, NULL, NULL, NULL);
            table_refuse_after(-1);
            ck_assert_msg(status == AIP_OK || status == AIP_E_NOMEM, "writing, %d allocations: %d", (int)allow, (int)status);
        }
        ck_assert_int_gt(allow, 10);
        free(path);
        free(bytes);
        aip_dataset_free(d);
        table_context_free(ctx); /* holds that nothing is left */
    }
}
END_TEST

/* ---- LZ4 ----------------------------------------------------------------------------------------------------------------------------------- */

/* Both frames were made by pyarrow's Codec("lz4"). */
static const uint8_t lz4_copies[] = {
    0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0x2f, 0x00, 0x00, 0x00, 0xff, 0x05, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63,
    0x6b, 0x20, 0x62, 0x72, 0x6f, 0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x20, 0x14, 0x00, 0x3d, 0xa1, 0x6a, 0x75, 0x6d, 0x70, 0x73,
    0x20, 0x6f, 0x76, 0x65, 0x72, 0x5b, 0x00, 0x80, 0x6c, 0x61, 0x7a, 0x79, 0x20, 0x64, 0x6f, 0x67, 0x00, 0x00, 0x00, 0x00};
static const uint8_t lz4_raw[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0x14, 0x00, 0x00, 0x80, 0x79,
                                  0x42, 0xbd, 0xf2, 0x21, 0x06, 0xf0, 0x84, 0x77, 0x62, 0xf0, 0xf3, 0xcb,
                                  0x4d, 0x76, 0x4d, 0xc7, 0x07, 0x20, 0x51, 0x00, 0x00, 0x00, 0x00};

START_TEST(lz4_frames_of_another_program_are_undone_and_damage_stays_within_bounds) {
    static const char fox[] =
        "the quick brown fox the quick brown fox the quick brown fox the quick brown fox the quick brown fox jumps over "
        "the lazy dog";
    uint8_t out[200], bytes[64];
    OK(aip__lz4_frame_read(lz4_copies, sizeof lz4_copies, out, 123, &err));
    ck_assert_int_eq(memcmp(out, fox, 123), 0);
    OK(aip__lz4_frame_read(lz4_raw, sizeof lz4_raw, out, 20, &err));
    ck_assert_int_eq(memcmp(out, lz4_raw + 11, 20), 0);
    FAILS(aip__lz4_frame_read(lz4_copies, sizeof lz4_copies, out, 122, &err), AIP_E_CORRUPT, "more bytes than were announced");
    FAILS(aip__lz4_frame_read(lz4_copies, sizeof lz4_copies, out, 124, &err), AIP_E_CORRUPT, "fewer bytes than were announced");
    for (size_t n = 0; n < sizeof lz4_copies; n++)
        FAILS(aip__lz4_frame_read(lz4_copies, n, out, 123, &err), AIP_E_CORRUPT, "damaged");
    for (size_t k = 0; k < sizeof lz4_copies; k++)
        for (int flip = 1; flip < 256; flip++) {
            memcpy(bytes, lz4_copies, sizeof lz4_copies);
            bytes[k] = (uint8_t)(bytes[k] ^ flip);
            memset(out, 0xee, sizeof out);
            aip__lz4_frame_read(bytes, sizeof lz4_copies, out, 123, NULL);
            for (size_t i = 123; i < sizeof out; i++) ck_assert_uint_eq(out[i], 0xee);
        }
}
END_TEST

Suite *arrow_ipc_suite(void) {
    const TTest *tests[] = {every_type_null_zone_scale_and_dictionary_reads_back_as_it_was,
#ifdef AIPIPE_ZSTD
                            compressed_batches_are_held_against_the_memory_limit_by_what_they_will_take,
#endif
                            the_same_rows_are_the_same_bytes_whatever_the_workers_and_buffers_lie_at_64_bytes,
                            buffers_written_from_where_they_lie_give_the_bytes_that_copies_of_them_give,
                            batches_with_dictionaries_of_their_own_are_replaced_in_a_stream_and_added_to_in_a_file,
                            columns_are_chosen_renamed_and_missed_by_name_and_parameters_of_text_are_unknown,
                            files_that_are_something_else_are_refused_with_what_was_expected,
                            bytes_cut_off_anywhere_are_an_error_with_a_place_but_for_a_stream_between_two_messages,
                            any_byte_that_is_another_is_an_error_or_another_value_and_never_a_crash,
                            a_refused_allocation_anywhere_is_an_error_and_leaves_nothing,
                            lz4_frames_of_another_program_are_undone_and_damage_stays_within_bounds,
                            NULL};
    return unit_suite("arrow_ipc", tests);
}
