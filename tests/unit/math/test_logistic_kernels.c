/* The kernels of logistic regression: every vector level against the baseline, and the baseline against plain sums. */
#include "unit.h"

#include "base/fmath.h"
#include "math/logistic.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_FEATURES 10
#define WIDTH 12
#define BLOCK (WIDTH * AIP__KERNEL_ROWS)

static double uniform(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

typedef struct answer {
    double z[BLOCK], s[BLOCK], gradient[WIDTH * AIP__LANES], loss[AIP__LANES];
    double hessian[WIDTH / 4 * (WIDTH / 4 + 1) / 2 * 16 * AIP__LANES];
    double sum[N_FEATURES], m2[N_FEATURES], probability[AIP__KERNEL_ROWS];
} answer;

typedef struct question {
    double x[N_FEATURES * AIP__KERNEL_ROWS], y[AIP__KERNEL_ROWS], mean[N_FEATURES], inverse[N_FEATURES], theta[WIDTH];
    aip__logistic_point at;
    int32_t n_rows;
} question;

static void make(question *q, int32_t n_rows, bool intercept, bool weighted, double spread) {
    uint64_t seed = (uint64_t)n_rows * 4 + intercept * 2 + weighted;
    memset(q, 0, sizeof *q);
    for (int j = 0; j < N_FEATURES; j++) {
        q->mean[j] = intercept ? uniform(&seed) : 0;
        q->inverse[j] = 1 + uniform(&seed);
        q->theta[j] = (uniform(&seed) - 0.5) * spread;
        for (int i = 0; i < n_rows; i++) q->x[j * AIP__KERNEL_ROWS + i] = uniform(&seed) * 2 - 0.5;
    }
    q->theta[N_FEATURES] = 0.25;
    for (int i = 0; i < n_rows; i++) q->y[i] = uniform(&seed) < 0.4;
    q->at = (aip__logistic_point){.n_features = N_FEATURES,
                                  .width = WIDTH,
                                  .mean = q->mean,
                                  .inverse = q->inverse,
                                  .theta = q->theta,
                                  .intercept = intercept,
                                  .weighted = weighted,
                                  .weight0 = 0.7,
                                  .weight1 = 2.1};
    q->n_rows = n_rows;
}

static void run(const question *q, aip__logistic_s kind, answer *a) {
    const aip__logistic_kernels *k = aip__logistic_kernels_now();
    memset(a, 0, sizeof *a);
    k->block(&q->at, q->x, q->y, q->n_rows, kind, a->z, a->s, AIP__KERNEL_ROWS, a->gradient, a->loss);
    k->block(&q->at, q->x, q->y, q->n_rows, kind, a->z, a->s, AIP__KERNEL_ROWS, a->gradient, a->loss);
    k->tiles(WIDTH, a->z, a->s, a->hessian);
    k->moments(N_FEATURES, q->x, q->n_rows, a->sum, a->m2);
    k->predict(N_FEATURES, q->x, q->theta, 0.3, a->probability);
    double parts[AIP__KERNEL_ROWS]; /* the same in parts: features 0 to 2, then the others */
    for (int r = 0; r < AIP__KERNEL_ROWS; r++) parts[r] = 0.3;
    k->margins(3, q->x, q->theta, parts);
    k->margins(N_FEATURES - 3, q->x + 3 * AIP__KERNEL_ROWS, q->theta + 3, parts);
    double margin = parts[0];
    k->sigmoids(parts);
    ck_assert_double_eq(k->sigmoid(margin), parts[0]);
    ck_assert_mem_eq(parts, a->probability, sizeof parts);
}

START_TEST(every_vector_level_gives_the_bits_of_the_baseline) {
    static question q;
    static answer want, got;
    const int32_t rows[] = {128, 127, 1, 9, 64};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int flags = 0; flags < 4; flags++)
            for (aip__logistic_s kind = AIP__S_NONE; kind <= AIP__S_ROOT; kind++)
                for (int far = 0; far < 2; far++) {
                    make(&q, rows[r], flags & 1, flags & 2, far ? 2000 : 2);
                    aip__cpu_set(AIP__CPU_SCALAR);
                    run(&q, kind, &want);
                    for (aip__cpu_level level = AIP__CPU_NEON; level <= AIP__CPU_AVX512; level++) {
                        aip__cpu_set(level);
                        run(&q, kind, &got);
                        ck_assert_msg(memcmp(&want, &got, sizeof got) == 0, "level %s, %d rows, flags %d, s %d differs",
                                      aip__cpu_name(aip__cpu()), rows[r], flags, (int)kind);
                    }
                }
    aip__cpu_set(AIP__CPU_AVX512);
}
END_TEST

static void near(double got, double want, const char *what) {
    ck_assert_msg(fabs(got - want) <= 1e-12 * (1 + fabs(want)), "%s is %.17g, expected %.17g", what, got, want);
}

START_TEST(gradient_hessian_loss_and_moments_are_the_sums_that_define_them) {
    static question q;
    static answer a;
    const int32_t rows[] = {128, 37};
    for (size_t r = 0; r < 2; r++)
        for (int flags = 0; flags < 4; flags++) {
            make(&q, rows[r], flags & 1, flags & 2, 2);
            run(&q, AIP__S_WEIGHT, &a);
            double loss = 0, gradient[WIDTH] = {0}, hessian[WIDTH][WIDTH] = {{0}};
            for (int i = 0; i < q.n_rows; i++) {
                double z[WIDTH] = {0}, margin = 0;
                for (int j = 0; j < N_FEATURES; j++) z[j] = (q.x[j * AIP__KERNEL_ROWS + i] - q.mean[j]) * q.inverse[j];
                z[N_FEATURES] = flags & 1 ? 1 : 0;
                for (int j = 0; j <= N_FEATURES; j++) margin += q.theta[j] * z[j];
                double p = 1 / (1 + exp(-margin)), w = flags & 2 ? (q.y[i] != 0 ? 2.1 : 0.7) : 1;
                loss -= w * (q.y[i] != 0 ? log(p) : log1p(-p));
                for (int j = 0; j < WIDTH; j++) {
                    gradient[j] += w * (p - q.y[i]) * z[j];
                    for (int c = 0; c < WIDTH; c++) hessian[j][c] += w * p * (1 - p) * z[j] * z[c];
                }
            }
            near(aip__lanes_sum(a.loss), 2 * loss, "loss");
            for (int j = 0; j < WIDTH; j++) {
                near(aip__lanes_sum(a.gradient + j * AIP__LANES), 2 * gradient[j], "gradient");
                for (int c = 0; c <= j; c++) {
                    size_t tile = (size_t)(j / 4 * (j / 4 + 1) / 2 + c / 4);
                    near(aip__lanes_sum(a.hessian + (tile * 16 + (size_t)(j % 4 * 4 + c % 4)) * AIP__LANES), hessian[j][c],
                         "hessian");
                }
            }
            for (int j = 0; j < N_FEATURES; j++) {
                double sum = 0, m2 = 0;
                for (int i = 0; i < q.n_rows; i++) sum += q.x[j * AIP__KERNEL_ROWS + i];
                for (int i = 0; i < q.n_rows; i++) m2 += pow(q.x[j * AIP__KERNEL_ROWS + i] - sum / q.n_rows, 2);
                near(a.sum[j], sum, "sum");
                near(a.m2[j], m2, "m2");
            }
        }
}
END_TEST

START_TEST(a_prediction_is_the_sigmoid_of_the_margin_added_in_order) {
    static question q;
    static answer a;
    make(&q, 128, true, false, 3);
    run(&q, AIP__S_NONE, &a);
    for (int i = 0; i < 128; i++) {
        double margin = 0.3;
        for (int j = 0; j < N_FEATURES; j++) margin += q.theta[j] * q.x[j * AIP__KERNEL_ROWS + i];
        ck_assert_double_eq(a.probability[i], aip__fmath_sigmoid(margin));
    }
}
END_TEST

Suite *logistic_kernels_suite(void);
Suite *logistic_kernels_suite(void) {
    const TTest *tests[] = {every_vector_level_gives_the_bits_of_the_baseline,
                            gradient_hessian_loss_and_moments_are_the_sums_that_define_them,
                            a_prediction_is_the_sigmoid_of_the_margin_added_in_order, NULL};
    return unit_suite("logistic_kernels", tests);
}
