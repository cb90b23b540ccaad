/* One round of logistic regression as a fold over the design matrix's chunks. The k-th chunk looked at belongs to lane k mod L (L from the size
 * of a state alone); a lane takes its chunks in order, and lanes merge in order: the same bits for any number of threads. Narrow data: our own
 * tiles. Wide data: the weighted blocks are gathered four at a time for BLAS. */
#include "math/blas.h"
#include "math/logistic.h"
#include "train/logistic_fit.h"

#include "base/checked.h"
#include "exec/group.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define NARROW 128      /* unknowns up to which our own tiles are used */
#define GATHER_BLOCKS 4 /* of wide data, for one call of BLAS */

_Static_assert(AIP__KERNEL_ROWS == AIP__BLOCK_ROWS, "the kernels work on the matrix's blocks");

typedef struct lanes { /* what the lanes of one fold share */
    const aip__logistic_pass *pass;
    int64_t stride, n_chunks, n_lanes; /* n_chunks: those looked at */
    size_t state;                      /* doubles of one */
    double *states;                    /* n_lanes of them */
    bool hessian;
} lanes;

typedef int32_t (*lane_fn)(void *lanes, int64_t lane, aip_error **err);

/* Runs fn for each lane; *states is freed by the caller. */
static int32_t run_lanes(lanes *l, lane_fn fn, aip_error **err) {
    aip_context *ctx = l->pass->matrix->ctx;
    size_t bytes = 0;
    if (aip__mul_size(l->state, sizeof(double), &bytes)) return aip__error_nomem(err);
    l->n_chunks = (l->pass->matrix->n_chunks + l->stride - 1) / l->stride;
    l->n_lanes = aip__fold_lanes(bytes);
    if (l->n_lanes > l->n_chunks) l->n_lanes = l->n_chunks;
    if (aip__mul_size(bytes, (size_t)l->n_lanes, &bytes)) return aip__error_nomem(err);
    l->states = aip__calloc(ctx, 1, bytes);
    if (!l->states) return aip__error_memory(ctx, err);
    return aip__parallel_for(ctx, l->pass->token, l->n_lanes, fn, l, err);
}

/* ---- means and scales ---------------------------------------------------------------------------------------------------------------- */

/* State: rows, then mean and M2 of each column, merged by Chan, Golub and LeVeque (1979). */
static void merge_moments(int32_t n, double *into, double rows, const double *mean, const double *m2) {
    double total = into[0] + rows, share = rows / total, cross = into[0] * share;
    for (int32_t j = 0; j < n; j++) {
        double delta = mean[j] - into[1 + j];
        into[1 + j] += delta * share;
        into[1 + n + j] += m2[j] + delta * delta * cross;
    }
    into[0] = total;
}

static int32_t moments_lane(void *arg, int64_t lane, aip_error **err) {
    const lanes *l = arg;
    const aip__matrix *m = l->pass->matrix;
    const aip__logistic_kernels *k = aip__logistic_kernels_now();
    int32_t n = m->n_columns;
    double *mean = aip__calloc(m->ctx, 2 * (size_t)n + 1, sizeof *mean);
    if (!mean) return aip__error_memory(m->ctx, err);
    double *m2 = mean + n;
    for (int64_t c = lane; c < l->n_chunks; c += l->n_lanes) {
        int32_t left = aip__matrix_chunk_rows(m, c);
        for (int32_t b = 0; left > 0; b++, left -= AIP__BLOCK_ROWS) {
            int32_t rows = left < AIP__BLOCK_ROWS ? left : AIP__BLOCK_ROWS;
            k->moments(n, aip__matrix_block(m, c, b), rows, mean, m2);
            for (int32_t j = 0; j < n; j++) mean[j] /= (double)rows;
            merge_moments(n, l->states + (size_t)lane * l->state, (double)rows, mean, m2);
        }
    }
    aip__free(m->ctx, mean);
    return AIP_OK;
}

/* Scales are for the arithmetic only: the optimum does not depend on them. Without an intercept columns are not centred, since that would add
 * one; their root mean square scales them. A constant column is left out by a scale of 0, as the standard scaler defines constant. */
static int32_t find_scales(aip__logistic_pass *p, aip_error **err) {
    const aip__matrix *m = p->matrix;
    size_t n = (size_t)m->n_columns;
    lanes l = {.pass = p, .stride = 1, .state = 1 + 2 * n};
    int32_t status = run_lanes(&l, moments_lane, err);
    for (int64_t i = 1; status == AIP_OK && i < l.n_lanes; i++) {
        const double *from = l.states + (size_t)i * l.state;
        merge_moments(m->n_columns, l.states, from[0], from + 1, from + 1 + n);
    }
    for (size_t j = 0; status == AIP_OK && j < n; j++) {
        double rows = l.states[0], mean = l.states[1 + j], var = l.states[1 + n + j] / rows;
        double noise = rows * mean * DBL_EPSILON, scale = 0;
        if (p->options->intercept) {
            p->mean[j] = mean;
            scale = var <= rows * DBL_EPSILON * var + noise * noise ? 0 : sqrt(var);
        } else {
            scale = sqrt(var + mean * mean);
        }
        if (!isfinite(scale) || !isfinite(mean)) {
            status = aip__error_set(err, AIP_E_NUMERIC, "column '%s' has values too large to be scaled", m->names[j]);
            aip__error_at_data_column(err, m->names[j]);
        }
        p->inverse[j] = scale > 0 && isfinite(1.0 / scale) ? 1.0 / scale : 0.0;
    }
    aip__free(m->ctx, l.states);
    return status;
}

int32_t aip__logistic_pass_begin(const aip__matrix *m, const aip__logistic_options *options, aip__token *token,
                                 aip__logistic_pass *out, aip_error **err) {
    aip__logistic_pass p = {.matrix = m, .options = options, .token = token};
    p.width = aip__logistic_width(m->n_columns);
    p.n = m->n_columns + (options->intercept ? 1 : 0);
    size_t width = (size_t)p.width, n = (size_t)p.n, cells = 0;
    if (aip__mul_size(n, n, &cells)) return aip__error_nomem(err);
    p.mean = aip__calloc(m->ctx, 4 * width, sizeof(double));
    p.hessian = aip__calloc(m->ctx, cells + 1, sizeof(double));
    int32_t status = p.mean && p.hessian ? AIP_OK : aip__error_memory(m->ctx, err);
    if (status == AIP_OK) {
        p.inverse = p.mean + width;
        p.theta = p.inverse + width;
        p.gradient = p.theta + width;
        status = find_scales(&p, err);
    }
    if (status == AIP_OK)
        *out = p;
    else
        aip__logistic_pass_end(&p);
    return status;
}

void aip__logistic_pass_end(aip__logistic_pass *p) {
    aip__free(p->matrix->ctx, p->mean);
    aip__free(p->matrix->ctx, p->hessian);
    p->mean = p->hessian = NULL;
}

/* ---- loss, gradient and Hessian --------------------------------------------------------------------------------------------------------- */

/* A lane's state: loss, gradient (n), and with Hessian n x n. Its scratch, in one piece: */
typedef struct scratch {
    double *z, *s, *gradient, *tiles, *loss;
} scratch;

static int32_t scratch_new(const aip__logistic_pass *p, bool hessian, scratch *out, aip_error **err) {
    size_t width = (size_t)p->width, block = width * AIP__BLOCK_ROWS;
    bool narrow = p->n <= NARROW;
    size_t s = !hessian ? 0
               : narrow ? block
                        : block * GATHER_BLOCKS,
           tiles = hessian && narrow ? aip__logistic_tiles_size(p->width) : 0;
    size_t all = block + s + width * AIP__LANES + tiles + AIP__LANES;
    aip_context *ctx = p->matrix->ctx;
    out->z = aip__calloc(ctx, all, sizeof(double));
    if (!out->z) return aip__error_memory(ctx, err);
    out->s = out->z + block;
    out->gradient = out->s + s;
    out->tiles = out->gradient + width * AIP__LANES;
    out->loss = out->tiles + tiles;
    return AIP_OK;
}

static void add_narrow(const aip__logistic_pass *p, double *tiles, double *hessian) {
    const double *t = tiles;
    for (int32_t a = 0; a < p->width; a += 4)
        for (int32_t c = 0; c <= a; c += 4)
            for (int32_t e = 0; e < 16; e++, t += AIP__LANES) {
                int32_t i = a + e / 4, j = c + e % 4;
                if (i < p->n && j <= i) hessian[(size_t)i * (size_t)p->n + (size_t)j] += aip__lanes_sum(t);
            }
    memset(tiles, 0, aip__logistic_tiles_size(p->width) * sizeof *tiles);
}

static void chunk(const lanes *l, const aip__logistic_kernels *k, const aip__logistic_point *at, int64_t c, scratch *w,
                  double *state) {
    const aip__logistic_pass *p = l->pass;
    const aip__matrix *m = p->matrix;
    bool narrow = p->n <= NARROW;
    aip__logistic_s kind = !l->hessian ? AIP__S_NONE : narrow ? AIP__S_WEIGHT : AIP__S_ROOT;
    double *hessian = state + 1 + p->n;
    int32_t rows = aip__matrix_chunk_rows(m, c), n_blocks = (rows + AIP__BLOCK_ROWS - 1) / AIP__BLOCK_ROWS;
    memset(w->gradient, 0, (size_t)p->width * AIP__LANES * sizeof(double));
    memset(w->loss, 0, AIP__LANES * sizeof(double));
    for (int32_t b = 0; b < n_blocks; b++) {
        int32_t left = rows - b * AIP__BLOCK_ROWS, in_block = left < AIP__BLOCK_ROWS ? left : AIP__BLOCK_ROWS;
        int32_t nth = narrow ? 0 : b % GATHER_BLOCKS; /* of its gathering, which holds `gathered` */
        int32_t gathered = narrow ? 1 : n_blocks - (b - nth) < GATHER_BLOCKS ? n_blocks - (b - nth) : GATHER_BLOCKS;
        k->block(at, aip__matrix_block(m, c, b), m->target + c * AIP__CHUNK_ROWS + b * AIP__BLOCK_ROWS, in_block, kind, w->z,
                 w->s + nth * AIP__BLOCK_ROWS, (size_t)gathered * AIP__BLOCK_ROWS, w->gradient, w->loss);
        if (!l->hessian) continue;
        if (narrow)
            k->tiles(p->width, w->z, w->s, w->tiles);
        else if (nth == gathered - 1)
            aip__blas_syrk(p->n, gathered * AIP__BLOCK_ROWS, w->s, hessian);
    }
    state[0] += aip__lanes_sum(w->loss);
    for (int32_t j = 0; j < p->n; j++) state[1 + j] += aip__lanes_sum(w->gradient + (size_t)j * AIP__LANES);
    if (l->hessian && narrow) add_narrow(p, w->tiles, hessian);
}

static int32_t pass_lane(void *arg, int64_t lane, aip_error **err) {
    const lanes *l = arg;
    const aip__logistic_pass *p = l->pass;
    const aip__logistic_kernels *k = aip__logistic_kernels_now();
    const aip__logistic_options *o = p->options;
    const aip__logistic_point at = {.n_features = p->matrix->n_columns,
                                    .width = p->width,
                                    .mean = p->mean,
                                    .inverse = p->inverse,
                                    .theta = p->theta,
                                    .intercept = o->intercept,
                                    .weighted = o->weighted,
                                    .weight0 = o->weight0,
                                    .weight1 = o->weight1};
    scratch w = {0};
    AIP__TRY(scratch_new(p, l->hessian, &w, err));
    int32_t status = AIP_OK;
    for (int64_t i = lane; i < l->n_chunks && status == AIP_OK; i += l->n_lanes) {
        status = aip__token_check(p->token, err);
        if (status == AIP_OK) chunk(l, k, &at, i * l->stride, &w, l->states + (size_t)lane * l->state);
    }
    aip__free(p->matrix->ctx, w.z);
    return status;
}

int32_t aip__logistic_pass_run(aip__logistic_pass *p, int64_t stride, bool hessian, aip_error **err) {
    size_t n = (size_t)p->n;
    lanes l = {.pass = p, .stride = stride, .state = 1 + n + (hessian ? n * n : 0), .hessian = hessian};
    int32_t status = run_lanes(&l, pass_lane, err);
    if (status == AIP_OK) {
        for (int64_t i = 1; i < l.n_lanes; i++)
            for (size_t j = 0; j < l.state; j++) l.states[j] += l.states[(size_t)i * l.state + j];
        p->loss = l.states[0];
        memcpy(p->gradient, l.states + 1, n * sizeof(double));
        if (hessian) memcpy(p->hessian, l.states + 1 + n, n * n * sizeof(double));
    }
    aip__free(p->matrix->ctx, l.states);
    return status;
}
