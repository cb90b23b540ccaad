/* Arrow's golden files (apache/arrow-testing, data/arrow-ipc-stream/integration): each version's files and streams against the JSON beside them, which
 * holds types and values. Every column whose type is one of ours must be read, alone and with the others, and each value be the one of the JSON,
 * for 0, 1, 2 and 8 workers, from the file itself and through a pipe's way of reading on (gzip); every other column must be refused by name when
 * it is asked for. The files are used where they lie, in the folder given; they are not part of this tree. Prints what was held; exits with 77
 * (skipped, and CI counts that) when there are none. */
#include <aipipe/aipipe.h>

#include "base/context.h"
#include "base/document.h"
#include "base/io.h"
#include "base/memory.h"
#include "connectors/files_output.h"
#include "data/batch.h"
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIPPED 77

static const int32_t workers[] = {AIP_THREADS_NONE, 1, 2, 8};
static int n_wrong, n_columns, n_values, n_refused, n_lossy;

static void wrong(const char *path, const char *column, const char *what, const aip_error *err) {
    fprintf(stderr, "%s: %s: %s%s%s\n", path, column, what, err ? ": " : "", err ? aip_error_text(err) : "");
    n_wrong++;
}

/* ---- the JSON ------------------------------------------------------------------------------------------------------------------------------ */

static const char *text_of(const aip__node *node, const char *key) {
    const aip__node *v = aip__node_get(node, key);
    return v && v->kind == AIP__STRING ? v->string : "";
}

static int64_t int_of(const aip__node *v) {
    if (!v) return 0;
    return v->kind == AIP__STRING ? strtoll(v->string, NULL, 10) : v->kind == AIP__BOOL ? v->boolean : v->integer;
}

static aip__document *load_json(aip_context *ctx, const char *path) {
    aip__file file = {.fd = -1};
    aip__stream *stream = NULL;
    aip__document *d = NULL;
    aip__text text;
    char bytes[8192];
    size_t got = 0;
    aip_error *err = NULL;
    aip__text_init(&text, ctx);
    int32_t status = aip__file_open(ctx, path, &file, &err);
    if (status == AIP_OK) status = aip__stream_file(ctx, &file, &stream, &err);
    do {
        if (status == AIP_OK) status = aip__stream_read(stream, bytes, sizeof bytes, &got, &err);
        if (status == AIP_OK) aip__text_add(&text, bytes, got);
    } while (status == AIP_OK && got == sizeof bytes);
    if (status == AIP_OK) status = aip__json_parse(ctx, text.bytes, text.n, path, &d, &err);
    if (status != AIP_OK) wrong(path, "the JSON", "cannot be loaded", err);
    aip_error_free(err);
    aip__stream_close(stream);
    aip__file_close(&file);
    aip__text_free(&text);
    return d;
}

/* Whether a type is one of ours, from what the specification says and our list of types. */
static bool ours(const aip__node *field) {
    static const char *const plain[] = {"null",        "int",        "floatingpoint",   "utf8", "largeutf8", "utf8view", "binary",
                                        "largebinary", "binaryview", "fixedsizebinary", "bool", "date",      "timestamp"};
    const aip__node *type = aip__node_get(field, "type");
    const char *name = text_of(type, "name");
    if (aip__node_get(field, "dictionary"))
        return strcmp(name, "utf8") == 0 || strcmp(name, "largeutf8") == 0 || strcmp(name, "utf8view") == 0;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i]) == 0) return true;
    int64_t scale = int_of(aip__node_get(type, "scale")), bits = int_of(aip__node_get(type, "bitWidth"));
    return strcmp(name, "decimal") == 0 && int_of(aip__node_get(type, "precision")) <= 19 && scale >= 0 && scale <= 18
           && bits <= 128;
}

static int hex(char c) { return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0'; }

static size_t unhex(const char *s, size_t n, char *out) {
    for (size_t i = 0; i + 1 < n; i += 2) out[i / 2] = (char)(hex(s[i]) * 16 + hex(s[i + 1]));
    return n / 2;
}

/* Row i of a column of texts or bytes, in a buffer of 64 KiB. */
static size_t bytes_at(const aip__node *column, const char *type, int64_t i, char *out) {
    bool binary = strstr(type, "inary") != NULL;
    const aip__node *views = aip__node_get(column, "VIEWS"), *data = aip__node_get(column, "DATA");
    if (views) {
        const aip__node *v = views->items[i], *in = aip__node_get(v, "INLINED");
        size_t n = (size_t)int_of(aip__node_get(v, "SIZE"));
        if (in && binary) return unhex(in->string, in->length, out);
        if (in) return memcpy(out, in->string, in->length), in->length;
        const aip__node *buffer = aip__node_get(column, "VARIADIC_DATA_BUFFERS")->items[int_of(aip__node_get(v, "BUFFER_INDEX"))];
        return unhex(buffer->string + 2 * int_of(aip__node_get(v, "OFFSET")), 2 * n, out);
    }
    const aip__node *v = data->items[i];
    if (binary) return unhex(v->string, v->length, out);
    return memcpy(out, v->string, v->length), v->length;
}

static bool null_at(const aip__node *column, const char *type, int64_t i) {
    const aip__node *validity = aip__node_get(column, "VALIDITY");
    if (strcmp(type, "null") == 0) return true;
    return validity && int_of(validity->items[i]) == 0;
}

/* ---- values -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct wanted { /* a column of the JSON, at one batch */
    const aip__node *root, *field, *column;
    const char *type;
} wanted;

/* An integer of the JSON as our column holds it; false: it cannot. */
static bool stored(const wanted *w, int64_t i, int64_t *v) {
    const aip__node *type = aip__node_get(w->field, "type"), *data = aip__node_get(w->column, "DATA")->items[i];
    const char *unit = text_of(type, "unit");
    errno = 0;
    *v = int_of(data);
    if (errno == ERANGE && strcmp(w->type, "decimal") == 0) return false;
    if (strcmp(w->type, "int") == 0 && data->kind == AIP__STRING && data->string[0] != '-')
        return strtoull(data->string, NULL, 10) <= INT64_MAX;
    if (strcmp(w->type, "date") == 0 && strcmp(unit, "MILLISECOND") == 0) {
        bool whole = *v % 86400000 == 0;
        *v /= 86400000;
        return whole;
    }
    if (strcmp(w->type, "timestamp") != 0 || strcmp(unit, "MICROSECOND") == 0) return true;
    if (strcmp(unit, "NANOSECOND") == 0) {
        bool whole = *v % 1000 == 0;
        *v /= 1000;
        return whole;
    }
    return !__builtin_mul_overflow(*v, strcmp(unit, "SECOND") == 0 ? 1000000 : 1000, v);
}

static bool same_text(const wanted *w, const aip__column *c, int64_t row, int64_t i) {
    static char expected[65536];
    const aip__node *dictionary = aip__node_get(w->field, "dictionary");
    size_t n = 0;
    const char *found = aip__column_text(c, row, &n);
    if (!dictionary) return bytes_at(w->column, w->type, i, expected) == n && memcmp(expected, found, n) == 0;
    const aip__node *all = aip__node_get(w->root, "dictionaries");
    for (int32_t k = 0; k < all->n; k++) {
        if (int_of(aip__node_get(all->items[k], "id")) != int_of(aip__node_get(dictionary, "id"))) continue;
        const aip__node *texts = aip__node_get(aip__node_get(all->items[k], "data"), "columns")->items[0];
        size_t m = bytes_at(texts, w->type, int_of(aip__node_get(w->column, "DATA")->items[i]), expected);
        return m == n && memcmp(expected, found, n) == 0;
    }
    return false;
}

/* A null of the dictionary is one of the column. */
static bool null_in_dictionary(const wanted *w, int64_t i) {
    const aip__node *dictionary = aip__node_get(w->field, "dictionary"), *all = aip__node_get(w->root, "dictionaries");
    for (int32_t k = 0; dictionary && k < all->n; k++) {
        if (int_of(aip__node_get(all->items[k], "id")) != int_of(aip__node_get(dictionary, "id"))) continue;
        const aip__node *texts = aip__node_get(aip__node_get(all->items[k], "data"), "columns")->items[0];
        return null_at(texts, w->type, int_of(aip__node_get(w->column, "DATA")->items[i]));
    }
    return false;
}

static bool same_value(const wanted *w, const aip__column *c, int64_t row, int64_t i) {
    int64_t v = 0;
    bool null = null_at(w->column, w->type, i) || null_in_dictionary(w, i);
    if (null != !aip__valid(c->validity, row)) return false;
    if (null) return true;
    const aip__node *data = aip__node_get(w->column, "DATA");
    switch (c->type) {
    case AIP_UTF8:
    case AIP_BINARY:
    case AIP_DICTIONARY: return same_text(w, c, row, i);
    case AIP_FLOAT32: return aip__column_f32(c)[row] == (float)data->items[i]->real;
    case AIP_FLOAT64: return aip__column_f64(c)[row] == data->items[i]->real;
    case AIP_BOOL: return aip__bit_get(aip__column_bits(c), row) == (int_of(data->items[i]) != 0);
    default: break;
    }
    if (!stored(w, i, &v)) return false;
    return c->type == AIP_INT32 || c->type == AIP_DATE32 ? aip__column_i32(c)[row] == v : aip__column_i64(c)[row] == v;
}

/* Whether each value of a column can be held: else reading it is an error that names the column. */
static bool holds_all(const aip__node *root, int32_t column) {
    const aip__node *batches = aip__node_get(root, "batches");
    const aip__node *field = aip__node_get(aip__node_get(root, "schema"), "fields")->items[column];
    wanted w = {.root = root, .field = field, .type = text_of(aip__node_get(field, "type"), "name")};
    if (aip__node_get(field, "dictionary") || !strstr("int date timestamp decimal", w.type)) return true;
    for (int32_t b = 0; b < batches->n; b++) {
        w.column = aip__node_get(batches->items[b], "columns")->items[column];
        for (int64_t i = 0, v = 0; i < int_of(aip__node_get(w.column, "count")); i++)
            if (!null_at(w.column, w.type, i) && !stored(&w, i, &v)) return false;
    }
    return true;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct pass { /* compares batches as they come with those of the JSON */
    const char *path;
    const aip__node *root;
    const int32_t *columns; /* of the JSON, for each that is read */
    int32_t batch;          /* of the JSON */
    int64_t at;             /* in it */
} pass;

static int32_t compare(void *user, aip_batch *b, aip_error **err) {
    pass *p = user;
    const aip__node *batches = aip__node_get(p->root, "batches");
    const aip__node *fields = aip__node_get(aip__node_get(p->root, "schema"), "fields");
    (void)err;
    for (int64_t row = 0; row < b->n_rows; row++, p->at++) {
        while (p->batch < batches->n && p->at == int_of(aip__node_get(batches->items[p->batch], "count"))) p->batch++, p->at = 0;
        if (p->batch == batches->n) return wrong(p->path, "rows", "more than the JSON has", NULL), 1;
        for (int32_t i = 0; i < b->n_columns; i++) {
            int32_t k = p->columns[i];
            wanted w = {.root = p->root, .field = fields->items[k]};
            w.column = aip__node_get(batches->items[p->batch], "columns")->items[k];
            w.type = text_of(aip__node_get(w.field, "type"), "name");
            if (!same_value(&w, b->columns[i], row, p->at))
                return wrong(p->path, text_of(w.field, "name"), "another value than the JSON has", NULL), 1;
            n_values++;
        }
    }
    return AIP_OK;
}

static int64_t count_rows(const aip__node *root) {
    const aip__node *batches = aip__node_get(root, "batches");
    int64_t n = 0;
    for (int32_t b = 0; b < batches->n; b++) n += int_of(aip__node_get(batches->items[b], "count"));
    return n;
}

/* Reads some columns; they must equal the JSON's, or, when `refused`, give an error that names one of them. */
static void read_columns(aip_context *ctx, const char *path, const aip__node *root, const int32_t *columns, int32_t n,
                         bool refused) {
    const aip__node *fields = aip__node_get(aip__node_get(root, "schema"), "fields");
    aip__text params;
    aip_dataset *d = NULL;
    aip_error *err = NULL;
    aip_row_counts counts = AIP_ROW_COUNTS_INIT;
    pass p = {.path = path, .root = root, .columns = columns};
    aip__text_init(&params, ctx);
    aip__text_printf(&params, "{\"format\": \"arrow\", \"path\": \"%s\", \"columns\": [", path);
    for (int32_t i = 0; i < n; i++) {
        const aip__node *name = aip__node_get(fields->items[columns[i]], "name");
        if (i > 0) aip__text_char(&params, ',');
        aip__text_json(&params, name->string, name->length);
    }
    aip__text_str(&params, "]}");
    int32_t status = aip_dataset_read(ctx, params.bytes, &d, &err);
    if (status == AIP_OK) status = aip_dataset_each(d, NULL, compare, &p, &counts, &err);
    const char *first = n > 0 ? text_of(fields->items[columns[0]], "name") : "no column";
    if (refused ? status == AIP_OK || !aip_error_data_column(err) || strcmp(aip_error_data_column(err), first) != 0 : status < 0)
        wrong(path, first, refused ? "not refused by its name" : "not read", err);
    if (!refused && status == AIP_OK && counts.rows_out != count_rows(root))
        wrong(path, first, "fewer rows than the JSON has", NULL);
    aip_error_free(err);
    aip_dataset_free(d);
    aip__text_free(&params);
}

static bool twice(const aip__node *fields) {
    for (int32_t i = 0; i < fields->n; i++)
        for (int32_t k = 0; k < i; k++)
            if (strcmp(text_of(fields->items[i], "name"), text_of(fields->items[k], "name")) == 0) return true;
    return false;
}

/* A file that is refused as a whole: big-endian, or with a name twice. */
static void refuse_whole(aip_context *ctx, const char *path, const char *part) {
    char params[4096];
    aip_dataset *d = NULL;
    aip_error *err = NULL;
    snprintf(params, sizeof params, "{\"format\": \"arrow\", \"path\": \"%s\"}", path);
    int32_t status = aip_dataset_read(ctx, params, &d, &err);
    if (status == AIP_OK || !strstr(aip_error_message(err), part)) wrong(path, "whole", "not refused", err);
    n_refused++;
    aip_error_free(err);
    aip_dataset_free(d);
}

static void check(aip_context *ctx, const char *path, const aip__node *root) {
    const aip__node *schema = aip__node_get(root, "schema"), *fields = aip__node_get(schema, "fields");
    int32_t together[1024], n = 0;
    bool big_endian = strstr(path, "bigendian") != NULL;
    if (big_endian || twice(fields)) {
        refuse_whole(ctx, path, big_endian ? "big-endian" : "is there twice");
        return;
    }
    for (int32_t i = 0; i < fields->n && i < 1024; i++) {
        bool good = ours(fields->items[i]), whole = !good || holds_all(root, i);
        read_columns(ctx, path, root, &i, 1, !good || !whole);
        n_columns += good && whole;
        n_refused += !good;
        n_lossy += !whole;
        if (good && whole) together[n++] = i;
    }
    read_columns(ctx, path, root, together, n, false);
}

/* The same bytes as gzip, which can only be read on. */
static bool pack(aip_context *ctx, const char *path, const char *to) {
    char *bytes = NULL;
    size_t n = 0;
    aip__output out = {0};
    int32_t status = aip__file_load(ctx, path, 64 << 20, &bytes, &n, NULL);
    if (status == AIP_OK) status = aip__output_open(&out, ctx, to, AIP__PACKING_GZIP, 1, NULL);
    if (status == AIP_OK) status = aip__output_write(&out, bytes, n, NULL);
    if (status == AIP_OK) status = aip__output_finish(&out, NULL);
    if (out.ctx) aip__output_close(&out);
    aip__free(ctx, bytes);
    return status == AIP_OK;
}

static int check_pair(aip_context *ctx, const char *json) {
    static const char *const kinds[] = {".stream", ".arrow_file"};
    aip__document *d = load_json(ctx, json);
    int n_files = 0;
    for (size_t k = 0; d && k < 2; k++) {
        char path[4096], packed[] = "/tmp/aipipe-arrow-XXXXXX";
        snprintf(path, sizeof path, "%.*s%s", (int)(strlen(json) - strlen(".json.gz")), json, kinds[k]);
        if (access(path, R_OK) != 0) continue;
        n_files++;
        check(ctx, path, aip__document_root(d));
        if (k == 1 && strstr(path, "/0.")) continue; /* files before 0.15 can be read by their footer alone */
        int fd = mkstemp(packed);
        if (fd < 0 || !pack(ctx, path, packed))
            wrong(path, "gzip", "cannot be made", NULL);
        else if (!strstr(path, "bigendian"))
            check(ctx, packed, aip__document_root(d));
        if (fd >= 0) close(fd), unlink(packed);
    }
    aip__document_free(d);
    return n_files;
}

int main(int argc, char **argv) {
    char pattern[4096];
    glob_t found;
    int n_files = 0;
    if (argc != 2) return fprintf(stderr, "usage: arrow_ipc FOLDER\n"), 2;
    snprintf(pattern, sizeof pattern, "%s/*/*.json.gz", argv[1]);
    if (glob(pattern, 0, NULL, &found) != 0) {
        printf("Arrow IPC: SKIPPED, N = 0: no files %s\n", pattern);
        return SKIPPED;
    }
    for (size_t w = 0; w < sizeof workers / sizeof *workers; w++) {
        aip_context *ctx = NULL;
        aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
        o.threads = workers[w];
        if (aip_context_create(&o, &ctx, NULL) != AIP_OK) return EXIT_FAILURE;
        n_files = n_columns = n_values = n_refused = n_lossy = 0;
        for (size_t i = 0; i < found.gl_pathc; i++) n_files += check_pair(ctx, found.gl_pathv[i]);
        aip_context_free(ctx);
        printf(
            "Arrow IPC, %d workers: N = %d files and streams, %d columns equal (%d values compared), %d refused by name, %d with values "
            "that no type of ours holds, %d wrong\n",
            (int)(workers[w] < 0 ? 0 : workers[w]), n_files, n_columns, n_values, n_refused, n_lossy, n_wrong);
    }
    globfree(&found);
    return n_wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
