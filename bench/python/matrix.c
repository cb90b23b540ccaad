/* The C half of bench/python/scorer.py: a package, and a file of n x k doubles row by row, scored by one aip_scorer_run as often as asked; prints
 * the seconds of CPU of the quickest. */
#include <aipipe/aipipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(aip_error *err) {
    fprintf(stderr, "%s\n", aip_error_text(err));
    aip_error_free(err);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 6) return fprintf(stderr, "matrix PACKAGE FILE ROWS COLUMNS TIMES\n"), 2;
    long n = atol(argv[3]), k = atol(argv[4]), times = atol(argv[5]);
    double *x = malloc(sizeof *x * (size_t)n * (size_t)k), *out = malloc(sizeof *out * (size_t)n), best = 1e9;
    FILE *file = fopen(argv[2], "rb");
    if (!x || !out || !file || fread(x, sizeof *x, (size_t)n * (size_t)k, file) != (size_t)n * (size_t)k)
        return perror(argv[2]), 1;
    fclose(file);
    aip_error *err = NULL;
    aip_context *ctx = NULL;
    aip_package *package = NULL;
    aip_scorer *scorer = NULL;
    if (aip_context_create(NULL, &ctx, &err) != AIP_OK || aip_package_load(ctx, argv[1], &package, &err) != AIP_OK
        || aip_scorer_create(package, NULL, &scorer, &err) != AIP_OK)
        return fail(err);
    for (long j = 0; j < k; j++) {
        char name[32];
        snprintf(name, sizeof name, "x%ld", j);
        if (aip_scorer_bind(scorer, name, AIP_FLOAT64, (size_t)j * sizeof *x, &err) != AIP_OK) return fail(err);
    }
    for (long i = 0; i < times; i++) {
        double began = now();
        if (aip_scorer_run(scorer, x, (size_t)k * sizeof *x, n, out, &err) != AIP_OK) return fail(err);
        double took = now() - began;
        if (took < best) best = took;
    }
    printf("%.6f %.17g\n", best, out[n - 1]);
    aip_scorer_free(scorer);
    aip_package_free(package);
    aip_context_free(ctx);
    free(x);
    free(out);
    return 0;
}
