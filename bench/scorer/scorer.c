/* scorer ROWS REPEATS FOLDER: nanoseconds (of processor time) per row of the scorer, by ways of calling it; bench/scorer/run prints them beside its peers. Fits two
 * packages on made-up data: `numbers` (20 float64 columns, standard_scaler, logistic_regression) and `mixed` (18 of them and two texts of 16 and 105
 * values, one_hot_encoder), which it leaves in FOLDER with the rows that it scored, for the peers. */
#include <aipipe/aipipe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS 20
#define NUMBERS 18 /* of a mixed row */
#define FIT_ROWS 20000
#define FEW 1024 /* rows that stay in the nearest caches */
#define TEXT 8

typedef struct {
    double x[NUMBERS];
    const char *carrier, *dest;
} mixed_row;

static char carriers[16][TEXT], dests[105][TEXT];

static void check(int32_t status, aip_error *err) {
    if (status == AIP_OK) return;
    fprintf(stderr, "%s\n", aip_error_text(err));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* of the one thread that there is: neighbours count little */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t state = 1;
static double uniform(void) { /* Knuth's MMIX */
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, compare_doubles);
    return v[n / 2];
}

/* ---- packages --------------------------------------------------------------------------------------------------------------------- */

static aip_field field(const char *name, int32_t type) {
    aip_field f = AIP_FIELD_INIT;
    f.name = name;
    f.type = type;
    return f;
}

static aip_dataset *numbers_dataset(aip_context *ctx, const double *rows, int64_t n, const double *target) {
    char names[COLUMNS + 1][TEXT];
    aip_field fields[COLUMNS + 1];
    aip_column_view views[COLUMNS + 1];
    double *columns = malloc((size_t)n * COLUMNS * sizeof *columns);
    int32_t n_columns = target ? COLUMNS + 1 : COLUMNS;
    if (!columns) exit(1);
    for (int32_t j = 0; j < n_columns; j++) {
        snprintf(names[j], TEXT, j < COLUMNS ? "x%d" : "target", (int)j);
        fields[j] = field(names[j], AIP_FLOAT64);
        views[j] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        views[j].type = AIP_FLOAT64;
        views[j].length = n;
        views[j].values = j < COLUMNS ? columns + (size_t)j * (size_t)n : target;
        for (int64_t i = 0; j < COLUMNS && i < n; i++) columns[(size_t)j * (size_t)n + (size_t)i] = rows[i * COLUMNS + j];
    }
    aip_error *err = NULL;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    check(aip_schema_create(ctx, fields, n_columns, &schema, &err), err);
    check(aip_dataset_from_columns(schema, views, n_columns, &d, &err), err);
    aip_schema_free(schema);
    free(columns);
    return d;
}

static void text_column(const mixed_row *rows, size_t offset, aip_column_view *view, char *bytes, int32_t *offsets) {
    for (int64_t i = 0; i < FIT_ROWS; i++) {
        const char *text = NULL;
        memcpy(&text, (const char *)&rows[i] + offset, sizeof text);
        memcpy(bytes + offsets[i], text, strlen(text));
        offsets[i + 1] = offsets[i] + (int32_t)strlen(text);
    }
    view->type = AIP_UTF8;
    view->values = bytes;
    view->offsets = offsets;
}

static aip_dataset *mixed_dataset(aip_context *ctx, const mixed_row *rows, const double *target) {
    static double columns[NUMBERS][FIT_ROWS];
    static char bytes[2][FIT_ROWS * TEXT];
    static int32_t offsets[2][FIT_ROWS + 1];
    char names[NUMBERS][TEXT];
    aip_field fields[NUMBERS + 3];
    aip_column_view views[NUMBERS + 3];
    for (int32_t j = 0; j < NUMBERS + 3; j++) {
        views[j] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        views[j].type = AIP_FLOAT64;
        views[j].length = FIT_ROWS;
        if (j >= NUMBERS) continue;
        snprintf(names[j], TEXT, "x%d", (int)j);
        fields[j] = field(names[j], AIP_FLOAT64);
        for (int64_t i = 0; i < FIT_ROWS; i++) columns[j][i] = rows[i].x[j];
        views[j].values = columns[j];
    }
    fields[NUMBERS] = field("carrier", AIP_UTF8);
    fields[NUMBERS + 1] = field("dest", AIP_UTF8);
    fields[NUMBERS + 2] = field("target", AIP_FLOAT64);
    text_column(rows, offsetof(mixed_row, carrier), &views[NUMBERS], bytes[0], offsets[0]);
    text_column(rows, offsetof(mixed_row, dest), &views[NUMBERS + 1], bytes[1], offsets[1]);
    views[NUMBERS + 2].values = target;
    aip_error *err = NULL;
    aip_schema *schema = NULL;
    aip_dataset *d = NULL;
    check(aip_schema_create(ctx, fields, NUMBERS + 3, &schema, &err), err);
    check(aip_dataset_from_columns(schema, views, NUMBERS + 3, &d, &err), err);
    aip_schema_free(schema);
    return d;
}

static aip_package *fit(aip_context *ctx, aip_dataset *d, bool one_hot) {
    aip_error *err = NULL;
    aip_stage *stages[2] = {NULL, NULL}, *pipeline = NULL;
    aip_model *model = NULL;
    aip_package *package = NULL;
    check(aip_stage_create(ctx, "standard_scaler", NULL, NULL, 0, &stages[0], &err), err);
    check(aip_stage_create(ctx, "one_hot_encoder", AIP_JSON({"handle_unknown" : "ignore"}), NULL, 0, &stages[1], &err), err);
    check(aip_stage_pipeline(ctx, stages, one_hot ? 2 : 1, &pipeline, &err), err);
    check(aip_model_create(ctx, "logistic_regression", NULL, &model, &err), err);
    check(aip_package_fit(ctx, pipeline, model, d, "target", NULL, &package, &err), err);
    aip_stage_free(stages[0]);
    aip_stage_free(stages[1]);
    aip_stage_free(pipeline);
    aip_model_free(model);
    return package;
}

static aip_scorer *scorer_of(aip_package *package, int32_t n_numbers, bool texts) {
    aip_error *err = NULL;
    aip_scorer *s = NULL;
    const char *by_batches = NULL;
    check(aip_scorer_create(package, NULL, &s, &err), err);
    for (int32_t j = 0; j < n_numbers; j++) {
        char name[TEXT];
        snprintf(name, sizeof name, "x%d", (int)j);
        check(aip_scorer_bind(s, name, AIP_FLOAT64, (size_t)j * sizeof(double), &err), err);
    }
    if (texts) {
        check(aip_scorer_bind(s, "carrier", AIP_UTF8, offsetof(mixed_row, carrier), &err), err);
        check(aip_scorer_bind(s, "dest", AIP_UTF8, offsetof(mixed_row, dest), &err), err);
    }
    check(aip_scorer_prepare(s, &by_batches, &err), err);
    if (by_batches) {
        fprintf(stderr, "'%s' keeps the scorer from its plan\n", by_batches);
        exit(1);
    }
    return s;
}

/* ---- measuring ------------------------------------------------------------------------------------------------------------------------ */

/* A few rows again and again, `at_once` in a call: ns per row. */
static double calls(aip_scorer *s, const void *rows, size_t stride, int64_t at_once, int repeats, double *out) {
    double took[101];
    for (int r = 0; r < repeats; r++) {
        double began = now();
        for (int k = 0; k < 200; k++)
            for (int64_t i = 0; i + at_once <= FEW; i += at_once)
                check(aip_scorer_run(s, (const char *)rows + (size_t)i * stride, stride, at_once, out + i, NULL), NULL);
        took[r] = (now() - began) / (200.0 * FEW);
    }
    return median(took, repeats);
}

static double dot_products(const double *rows, int64_t n, double *out) {
    double weights[COLUMNS];
    for (int j = 0; j < COLUMNS; j++) weights[j] = 1.0 / (j + 2);
    double began = now();
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < COLUMNS; j++) sum += weights[j] * rows[i * COLUMNS + j];
        out[i] = sum;
    }
    return (now() - began) / (double)n;
}

static int32_t take(void *user, aip_batch *batch, aip_error **err) {
    (void)err;
    *(int64_t *)user += aip_batch_n_rows(batch);
    return AIP_OK;
}

static double predict(aip_package *package, aip_dataset *d) {
    aip_error *err = NULL;
    aip_dataset *predicted = NULL;
    int64_t n = 0;
    double began = now();
    check(aip_package_predict(package, d, &predicted, &err), err);
    check(aip_dataset_each(predicted, NULL, take, &n, NULL, &err), err);
    double took = now() - began;
    aip_dataset_free(predicted);
    return took / (double)n;
}

static void save(const char *folder, const char *name, const void *data, size_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: scorer ROWS REPEATS FOLDER\n");
        return 2;
    }
    int64_t n = atoll(argv[1]) < FIT_ROWS ? FIT_ROWS : atoll(argv[1]);
    int repeats = atoi(argv[2]) < 1 ? 1 : atoi(argv[2]) > 101 ? 101 : atoi(argv[2]);
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    options.threads = AIP_THREADS_NONE;
    check(aip_context_create(&options, &ctx, &err), err);

    double *rows = malloc((size_t)n * COLUMNS * sizeof *rows), *out = calloc((size_t)n, sizeof *out);
    mixed_row *mixed = malloc(FIT_ROWS * sizeof *mixed);
    static double target[FIT_ROWS];
    if (!rows || !out || !mixed) return 1;
    for (int k = 0; k < 16; k++) snprintf(carriers[k], TEXT, "%c%c", 'A' + k, 'Z' - k);
    for (int k = 0; k < 105; k++) snprintf(dests[k], TEXT, "%c%c%c", 'A' + k % 26, 'A' + k / 26, 'A' + k * 7 % 26);
    for (int64_t i = 0; i < n * COLUMNS; i++) rows[i] = (uniform() + uniform() + uniform() - 1.5) * (double)(1 + i % COLUMNS);
    for (int64_t i = 0; i < FIT_ROWS; i++) {
        double sum = uniform() - 0.5;
        for (int j = 0; j < COLUMNS; j++) sum += rows[i * COLUMNS + j] / (1 + j) * (j % 3 - 1);
        target[i] = sum > 0;
        memcpy(mixed[i].x, rows + i * COLUMNS, sizeof mixed[i].x);
        mixed[i].carrier = carriers[(int)(uniform() * 16)];
        mixed[i].dest = dests[(int)(uniform() * 105)];
    }
    aip_dataset *fit_numbers = numbers_dataset(ctx, rows, FIT_ROWS, target), *fit_mixed = mixed_dataset(ctx, mixed, target);
    aip_package *numbers = fit(ctx, fit_numbers, false), *both = fit(ctx, fit_mixed, true);
    aip_scorer *by_numbers = scorer_of(numbers, COLUMNS, false), *by_both = scorer_of(both, NUMBERS, true);

    const size_t stride = COLUMNS * sizeof(double);
    printf("one_row %.2f\n", calls(by_numbers, rows, stride, 1, repeats, out));
    printf("one_row_mixed %.2f\n", calls(by_both, mixed, sizeof *mixed, 1, repeats, out));
    printf("block_256 %.2f\n", calls(by_numbers, rows, stride, 256, repeats, out));
    printf("block_256_mixed %.2f\n", calls(by_both, mixed, sizeof *mixed, 256, repeats, out));
    double matrix[101], dots[101], predicted[101], single[101];
    aip_dataset *all = numbers_dataset(ctx, rows, n, NULL), *one = numbers_dataset(ctx, rows, 1, NULL);
    for (int r = 0; r < repeats; r++) { /* in turn, so that what slows the machine slows all */
        double began = now();
        check(aip_scorer_run(by_numbers, rows, stride, n, out, &err), err);
        matrix[r] = (now() - began) / (double)n;
        dots[r] = dot_products(rows, n, out);
        predicted[r] = predict(numbers, all);
        single[r] = predict(numbers, one);
    }
    printf("matrix %.2f\n", median(matrix, repeats));
    printf("dot_products %.2f\n", median(dots, repeats));
    printf("predict %.2f\n", median(predicted, repeats));
    printf("predict_one_row %.2f\n", median(single, repeats));

    char path[4096];
    snprintf(path, sizeof path, "%s/numbers.aip", argv[3]);
    check(aip_package_save(numbers, path, &err), err);
    save(argv[3], "rows.f64", rows, (size_t)n * stride);
    save(argv[3], "target.f64", target, sizeof target);
    aip_scorer_free(by_numbers);
    aip_scorer_free(by_both);
    aip_package_free(numbers);
    aip_package_free(both);
    aip_dataset_free(all);
    aip_dataset_free(one);
    aip_dataset_free(fit_numbers);
    aip_dataset_free(fit_mixed);
    aip_context_free(ctx);
    free(rows);
    free(out);
    free(mixed);
    return 0;
}
