/* scoring_loop [ROWS]: a host with a hot loop. It loads a package, binds a scorer to its own struct and asks for the probability of each row as it
 * comes: no allocation (its allocator counts), no lock, no name looked up. Prints nanoseconds per row; the exit code is 1 when the loop allocated. */
#include <aipipe/aipipe.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {                /* the host's own row; the library reads it where it lies */
    double distance, dep_delay; /* NaN: missing */
    int32_t hour;
    const char *carrier; /* NULL: missing */
    double p_late;       /* what the scorer gives */
} flight;

/* ---- the host's memory: the C library's, counted ------------------------------------------------------------------------------------- */

static long heap_calls;

static void *heap_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    (void)user;
    heap_calls++;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    void *made = aligned_alloc(align < 16 ? 16 : align, (new_size + 63) / 64 * 64);
    if (made && ptr) memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    if (made) free(ptr);
    return made;
}

/* ---- where a package comes from: trained, elsewhere and before, by the same library ----------------------------------------------------- */

static const char *const carriers[] = {"AA", "B6", "DL", "UA", "WN"};

static flight next_flight(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (flight){.distance = (double)(state >> 16 & 4095),
                    .dep_delay = (double)(state >> 8 & 127) - 20,
                    .hour = (int32_t)((state >> 11) % 24),
                    .carrier = carriers[(state >> 20) % 5]};
}

static int32_t train(aip_context *ctx, const char *path, aip_error **err) {
    enum { N = 2000 };
    static double distance[N], dep_delay[N], late[N];
    static int32_t hour[N], offsets[N + 1];
    static char bytes[N * 2];
    for (int i = 0; i < N; i++) {
        flight f = next_flight();
        distance[i] = f.distance;
        dep_delay[i] = f.dep_delay;
        hour[i] = f.hour;
        memcpy(bytes + 2 * i, f.carrier, 2);
        offsets[i + 1] = 2 * (i + 1);
        late[i] = f.dep_delay - f.distance / 500 + i % 17 > 30;
    }
    static const char *const names[] = {"distance", "dep_delay", "hour", "carrier", "late"};
    const int32_t types[] = {AIP_FLOAT64, AIP_FLOAT64, AIP_INT32, AIP_UTF8, AIP_FLOAT64};
    const void *const values[] = {distance, dep_delay, hour, bytes, late};
    aip_field fields[5];
    aip_column_view columns[5];
    for (int i = 0; i < 5; i++) {
        fields[i] = (aip_field)AIP_FIELD_INIT;
        fields[i].name = names[i];
        fields[i].type = types[i];
        columns[i] = (aip_column_view)AIP_COLUMN_VIEW_INIT;
        columns[i].type = types[i];
        columns[i].length = N;
        columns[i].values = values[i];
    }
    columns[3].offsets = offsets;
    aip_schema *schema = NULL;
    aip_dataset *flights = NULL;
    aip_stage *stages[2] = {NULL, NULL}, *pipeline = NULL;
    aip_model *model = NULL;
    aip_package *package = NULL;
    int32_t status = aip_schema_create(ctx, fields, 5, &schema, err);
    if (!status) status = aip_dataset_from_columns(schema, columns, 5, &flights, err);
    if (!status) status = aip_stage_create(ctx, "standard_scaler", NULL, NULL, 0, &stages[0], err);
    if (!status) status = aip_stage_create(ctx, "one_hot_encoder", NULL, NULL, 0, &stages[1], err);
    if (!status) status = aip_stage_pipeline(ctx, stages, 2, &pipeline, err);
    if (!status) status = aip_model_create(ctx, "logistic_regression", NULL, &model, err);
    if (!status) status = aip_package_fit(ctx, pipeline, model, flights, "late", NULL, &package, err);
    if (!status) status = aip_package_save(package, path, err);
    aip_package_free(package);
    aip_model_free(model);
    aip_stage_free(pipeline);
    aip_stage_free(stages[0]);
    aip_stage_free(stages[1]);
    aip_dataset_free(flights);
    aip_schema_free(schema);
    return status;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------------------------- */

static int32_t score(aip_scorer *late, long n, aip_error **err) {
    struct timespec began, ended;
    long calls = heap_calls;
    double sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long i = 0; i < n; i++) {
        flight f = next_flight();
        int32_t status = aip_scorer_run(late, &f, sizeof f, 1, &f.p_late, err);
        if (status) return status;
        sum += f.p_late;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double ns = (double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec);
    printf("%ld rows, mean probability %.4f: %.1f ns a row, %ld allocations\n", n, sum / (double)n, ns / (double)n,
           heap_calls - calls);
    return heap_calls == calls ? 0 : 1;
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 10000000;
    char path[] = "/tmp/scoring-loop-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) return 1;
    close(file);
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_package *package = NULL;
    aip_scorer *late = NULL;
    const char *by_batches = NULL;
    aip_allocator heap = AIP_ALLOCATOR_INIT;
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    heap.resize = heap_resize;
    options.allocator = &heap;
    options.threads = AIP_THREADS_NONE; /* a counter without a lock */
    int32_t status = aip_context_create(&options, &ctx, &err);
    if (!status) status = train(ctx, path, &err);
    if (!status) status = aip_package_load(ctx, path, &package, &err); /* immutable: share it between threads */
    if (!status) status = aip_scorer_create(package, AIP_JSON({"output" : "probability"}), &late, &err); /* one per thread */
    if (!status) status = aip_scorer_bind(late, "distance", AIP_FLOAT64, offsetof(flight, distance), &err);
    if (!status) status = aip_scorer_bind(late, "dep_delay", AIP_FLOAT64, offsetof(flight, dep_delay), &err);
    if (!status) status = aip_scorer_bind(late, "hour", AIP_INT32, offsetof(flight, hour), &err);
    if (!status) status = aip_scorer_bind(late, "carrier", AIP_UTF8, offsetof(flight, carrier), &err);
    if (!status) status = aip_scorer_prepare(late, &by_batches, &err); /* what takes memory is done before the loop */
    if (!status && by_batches) printf("'%s' has no plan for rows: they go by batches\n", by_batches);
    if (!status) status = score(late, n, &err);
    if (err) fprintf(stderr, "%s\n", aip_error_text(err));
    aip_error_free(err);
    aip_scorer_free(late);
    aip_package_free(package);
    aip_context_free(ctx);
    unlink(path);
    return status != 0;
}
