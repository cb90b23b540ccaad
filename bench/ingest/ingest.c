/* The library's side of bench/ingest, over the public interface: `ingest read|stream|write FILE THREADS [OUT]`.
 *   read    the whole file as typed columns in memory (aip_dataset_collect)
 *   stream  each batch seen once and let go: sums on the way, in bounded memory
 *   write   the file read first, then written to OUT
 * The work is done until three times or a second and a half have passed, as the peers do it. Prints one line of JSON: the seconds and processor
 * seconds of each time, the peak of memory after the first and what it was before, and rows, nulls and sums of every column. */
#include <aipipe/aipipe.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_TIMES 3
#define ENOUGH 1.5

typedef struct {
    const char *kind;
    int64_t nulls;
    double number;
    int64_t whole; /* integers, days, seconds, bytes of text, trues */
} sum;

typedef struct {
    const aip_schema *schema;
    sum *sums;
    int64_t rows;
} sums;

static aip_error *err;

static void check(int32_t status, const char *what) {
    if (status == AIP_OK) return;
    fprintf(stderr, "%s: %s\n", what, aip_error_text(err));
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double peak_mb(void) {
    char line[200];
    long long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lld", &kb) == 1) break;
    if (f) fclose(f);
    return (double)kb * 1024 / 1e6;
}

static int valid(const aip_column_view *v, int64_t i) { return !v->validity || (v->validity[i / 8] >> (i % 8) & 1); }

#define ADD_WHOLE(type, value)                     \
    do {                                           \
        const type *values = v.values;             \
        for (int64_t i = 0; i < v.length; i++)     \
            if (valid(&v, i)) s->whole += (value); \
    } while (0)

static int32_t add(void *user, aip_batch *batch, aip_error **e) {
    sums *to = user;
    to->rows += aip_batch_n_rows(batch);
    for (int32_t c = 0; c < aip_schema_n_fields(to->schema); c++) {
        aip_column_view v = AIP_COLUMN_VIEW_INIT;
        int32_t status = aip_batch_column(batch, c, &v, e);
        if (status != AIP_OK) return status;
        sum *s = &to->sums[c];
        s->nulls += v.null_count;
        switch (v.type) {
        case AIP_INT32: ADD_WHOLE(int32_t, values[i]); break;
        case AIP_INT64: ADD_WHOLE(int64_t, values[i]); break;
        case AIP_DATE32: ADD_WHOLE(int32_t, values[i]); break;
        case AIP_TIMESTAMP: ADD_WHOLE(int64_t, values[i] / 1000000); break; /* whole seconds are written */
        case AIP_BOOL: ADD_WHOLE(uint8_t, values[i / 8] >> (i % 8) & 1); break;
        case AIP_UTF8:
            for (int64_t i = 0; i < v.length; i++)
                if (valid(&v, i)) s->whole += v.offsets[i + 1] - v.offsets[i];
            break;
        case AIP_DICTIONARY: ADD_WHOLE(int32_t, v.dictionary_offsets[values[i] + 1] - v.dictionary_offsets[values[i]]); break;
        case AIP_FLOAT64: {
            const double *values = v.values;
            for (int64_t i = 0; i < v.length; i++)
                if (valid(&v, i)) s->number += values[i];
            break;
        }
        default: return 1;
        }
    }
    return AIP_OK;
}

static void begin(sums *s, const aip_dataset *d) {
    s->schema = aip_dataset_schema(d);
    s->rows = 0;
    free(s->sums);
    s->sums = calloc((size_t)aip_schema_n_fields(s->schema) + 1, sizeof *s->sums);
    if (!s->sums) exit(1);
    for (int32_t c = 0; c < aip_schema_n_fields(s->schema); c++) {
        int32_t type = aip_schema_field(s->schema, c)->type;
        s->sums[c].kind = type == AIP_BOOL                             ? "bool"
                          : type == AIP_DATE32                         ? "date"
                          : type == AIP_TIMESTAMP                      ? "timestamp"
                          : type == AIP_UTF8 || type == AIP_DICTIONARY ? "text"
                                                                       : "number";
    }
}

static void print_sums(const sums *s) {
    printf(", \"rows\": %" PRId64 ", \"columns\": {", s->rows);
    for (int32_t c = 0; c < aip_schema_n_fields(s->schema); c++)
        printf("%s\"%s\": [\"%s\", %" PRId64 ", %.17g]", c ? ", " : "", aip_schema_field(s->schema, c)->name, s->sums[c].kind,
               s->sums[c].nulls, s->sums[c].number + (double)s->sums[c].whole);
    printf("}");
}

int main(int argc, char **argv) {
    if (argc < 4 || (argc < 5 && !strcmp(argv[1], "write")))
        return fprintf(stderr, "usage: ingest read|stream|write FILE THREADS [OUT]\n"), 2;
    int streams = !strcmp(argv[1], "stream"), writes = !strcmp(argv[1], "write");
    char read_params[4200], write_params[4200];
    snprintf(read_params, sizeof read_params, "{\"path\": \"%s\"}", argv[2]);
    snprintf(write_params, sizeof write_params, "{\"path\": \"%s\"}", argc > 4 ? argv[4] : "");
    double start = peak_mb(), peak = 0, seconds[MAX_TIMES], cpu[MAX_TIMES], spent = 0;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.threads = atoi(argv[3]);
    aip_context *ctx = NULL;
    aip_dataset *table = NULL;
    sums s = {0};
    check(aip_context_create(&options, &ctx, &err), "context");
    if (writes) {
        aip_dataset *file = NULL;
        check(aip_dataset_read(ctx, read_params, &file, &err), argv[2]);
        check(aip_dataset_collect(file, NULL, &table, &err), argv[2]);
        aip_dataset_free(file);
        start = peak_mb();
    }
    int n = 0;
    for (; n < MAX_TIMES && spent < ENOUGH; n++) {
        aip_dataset *file = NULL;
        if (!writes) aip_dataset_free(table), table = NULL;
        if (writes) remove(argv[4]); /* as the peers do: what a file takes to go away is no part of writing another */
        double began = now(CLOCK_MONOTONIC), cpu_began = now(CLOCK_PROCESS_CPUTIME_ID);
        if (writes) {
            check(aip_dataset_write(table, write_params, NULL, NULL, &err), "write");
        } else {
            check(aip_dataset_read(ctx, read_params, &file, &err), argv[2]);
            if (streams) {
                begin(&s, file);
                check(aip_dataset_each(file, NULL, add, &s, NULL, &err), argv[2]);
                table = file;
            } else {
                check(aip_dataset_collect(file, NULL, &table, &err), argv[2]);
                aip_dataset_free(file);
            }
        }
        seconds[n] = now(CLOCK_MONOTONIC) - began;
        cpu[n] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
        spent += seconds[n];
        if (n == 0) peak = peak_mb();
    }
    if (!streams) {
        begin(&s, table);
        check(aip_dataset_each(table, NULL, add, &s, NULL, &err), "sums");
    }
    printf("{\"seconds\": [");
    for (int i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "", seconds[i]);
    printf("], \"cpu\": [");
    for (int i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "", cpu[i]);
    printf("], \"start_mb\": %.1f, \"peak_mb\": %.1f", start, peak);
    print_sums(&s);
    printf("}\n");
    aip_dataset_free(table);
    free(s.sums);
    aip_context_free(ctx);
    return 0;
}
