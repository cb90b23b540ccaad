/* train_test_split. Two views of one dataset through a stage that knows the number of the row it is at (a running count, carried from batch to
 * batch) and drops the rows that are not in its part: so both parts are lazy, in source order, and the same for any number of threads.
 *
 * method `permutation` marks the rows of each part in a bitmap, chosen as scikit-learn chooses them (split_rows.c); this needs the number of
 * rows. method `hash` decides each row by itself from (random_state, row number): for any size, and close to test_size only on average. */
#include "transform/split.h"

#include "base/random.h"
#include "data/scan.h"
#include "transform/categories.h"
#include "transform/split_rows.h"
#include "transform/stage_params.h"
#include <math.h>

/* Sizes are of any type, since 5 and 5.0 mean different things: a number of rows, and a fraction that is too large. */
const aip_param_spec aip__split_params[] = {
    AIP__PARAM_OR_NULL(
        AIP_PARAM_ANY, "test_size", "null",
        "the test part: a fraction of the rows (0.2, rounded up), or an integer number of rows; null: what train_size "
        "leaves, or 0.25"),
    AIP__PARAM_OR_NULL(AIP_PARAM_ANY, "train_size", "null",
                       "the training part: a fraction (rounded down) or a number of rows; null: what test_size leaves"),
    AIP__PARAM_RANGE(AIP_PARAM_INT, "random_state", "0", 0, 4294967295.0, "seed; the same seed gives scikit-learn's same rows"),
    AIP__PARAM(AIP_PARAM_BOOL, "shuffle", "true", "choose rows at random; false: the training part first, then the test part"),
    AIP__PARAM_OR_NULL(AIP_PARAM_STRING, "stratify", "null", "a column whose classes both parts have in equal proportion"),
    AIP__CHOICE(
        "method", "permutation|hash", "\"permutation\"",
        "permutation: scikit-learn's rows; hash: each row by (random_state, row number), without counting the rows first"),
};
const int32_t aip__split_n_params = (int32_t)(sizeof aip__split_params / sizeof aip__split_params[0]);

static const aip_descriptor split_descriptor = {.struct_size = sizeof(aip_descriptor),
                                                .kind = AIP_KIND_OPERATOR,
                                                .name = "split",
                                                .doc = "Splits rows into a training and a test part.",
                                                .params = aip__split_params,
                                                .n_params = (int32_t)(sizeof aip__split_params / sizeof aip__split_params[0]),
                                                .param_stride = sizeof(aip_param_spec),
                                                .version = 1};

/* ---- the stage that keeps one part -------------------------------------------------------------------------------------------- */

typedef struct half {
    aip_context *ctx;
    int64_t n;     /* rows that were counted; -1: by hash */
    uint8_t *bits; /* of n rows: 1 is in this part */
    uint64_t seed; /* by hash: in this part when from <= draw < to */
    double from, to;
} half;

static void half_destroy(void *self) {
    half *h = self;
    aip__free(h->ctx, h->bits);
    aip__free(h->ctx, h);
}

static int32_t half_bind(const void *self, const void *fitted, const aip_schema *in, void **bound, aip_schema **out,
                         aip_error **err) {
    (void)fitted, (void)err;
    *bound = (void *)(uintptr_t)self;
    *out = aip__schema_retain(in);
    return AIP_OK;
}

static void half_unbind(void *bound) { (void)bound; }
static size_t half_carry_bytes(const void *bound) {
    (void)bound;
    return sizeof(int64_t);
}

static int32_t half_summarise(const void *bound, const aip_batch *in, void *summary, aip_error **err) {
    (void)bound, (void)err;
    memcpy(summary, &in->n_rows, sizeof in->n_rows);
    return AIP_OK;
}

static int32_t half_carry(const void *bound, void *running, const void *summary, aip_error **err) {
    (void)bound, (void)err;
    int64_t before = 0, rows = 0;
    memcpy(&before, running, sizeof before);
    memcpy(&rows, summary, sizeof rows);
    before += rows;
    memcpy(running, &before, sizeof before);
    return AIP_OK;
}

static int32_t half_apply(const void *bound, const void *before, const aip_batch *in, aip_batch **out, aip_error **err) {
    const half *h = bound;
    int64_t start = 0;
    memcpy(&start, before, sizeof start);
    if (h->n >= 0 && (start > h->n || in->n_rows > h->n - start))
        return aip__error_set(err, AIP_E_CHANGED, "the dataset had %lld rows when it was split, and has more now",
                              (long long)h->n);
    uint8_t *keep = aip__calloc(h->ctx, 1, aip__bitmap_bytes(in->n_rows) + 1);
    if (!keep) return aip__error_memory(h->ctx, err);
    if (h->n >= 0 && in->n_rows > 0) aip__bitmap_copy(keep, h->bits, start, in->n_rows);
    for (int64_t i = 0; h->n < 0 && i < in->n_rows; i++) {
        double draw = (double)(aip__random_at(h->seed, (uint64_t)(start + i)) >> 11) * 0x1p-53;
        if (draw >= h->from && draw < h->to) aip__bit_set(keep, i);
    }
    int32_t status = aip__batch_filter(in, keep, out, err);
    aip__free(h->ctx, keep);
    return status;
}

static const aip_stage_ops half_ops = {.struct_size = sizeof(aip_stage_ops),
                                       .destroy = half_destroy,
                                       .bind = half_bind,
                                       .unbind = half_unbind,
                                       .carry_bytes = half_carry_bytes,
                                       .summarise = half_summarise,
                                       .carry = half_carry,
                                       .apply_carry = half_apply};

static const aip_descriptor half_descriptor = {.struct_size = sizeof(aip_descriptor),
                                               .kind = AIP_KIND_STAGE,
                                               .name = "split",
                                               .doc = "One part of a split.",
                                               .param_stride = sizeof(aip_param_spec),
                                               .ops = &half_ops,
                                               .rows = AIP_ROWS_FEWER,
                                               .version = 1};

/* The view that keeps `h`, which is taken over, also on failure. */
static int32_t view(aip_dataset *d, half *h, aip_dataset **out, aip_error **err) {
    aip_stage *stage = NULL;
    AIP__TRY(aip__stage_of(d->ctx, &half_descriptor, h, &stage, err));
    int32_t status = aip_dataset_transform(d, stage, out, err);
    aip_stage_free(stage);
    return status;
}

static half *half_new(aip_context *ctx, int64_t n) {
    half *h = aip__calloc(ctx, 1, sizeof *h);
    if (!h) return NULL;
    h->ctx = ctx;
    h->n = n;
    if (n < 0) return h;
    h->bits = aip__calloc(ctx, 1, aip__bitmap_bytes(n) + 8);
    if (h->bits) return h;
    aip__free(ctx, h);
    return NULL;
}

/* ---- parameters --------------------------------------------------------------------------------------------------------------- */

typedef struct choice {
    aip__split_sizes sizes;
    uint32_t seed;
    bool shuffle, hash;
    const char *stratify;
} choice;

static int32_t bad_parameter(const aip_params *params, const char *name, const char *message, aip_error **err) {
    int32_t status = aip__error_set(err, AIP_E_PARAM, "%s; found %s", message, aip_params_json(params, name));
    int32_t column = 0, line = aip__params_line(params, name, &column);
    aip__error_at_parameter(err, name);
    if (line > 0) aip__error_at_line(err, line, column);
    return status;
}

static int32_t read_size(const aip_params *params, const char *name, double *size, bool *is_count, aip_error **err) {
    const aip__node *node = aip__params_node(params, name);
    *size = NAN;
    *is_count = node->kind == AIP__INT;
    if (node->kind == AIP__NULL) return AIP_OK;
    *size = node->real;
    bool fits = *is_count ? node->integer >= 1 : node->kind == AIP__FLOAT && node->real > 0 && node->real < 1;
    return fits ? AIP_OK
                : bad_parameter(params, name, "expected a fraction between 0 and 1, or a number of rows of at least 1", err);
}

static int32_t read_choice(const aip_params *params, choice *c, aip_error **err) {
    AIP__TRY(read_size(params, "test_size", &c->sizes.test_size, &c->sizes.test_is_count, err));
    AIP__TRY(read_size(params, "train_size", &c->sizes.train_size, &c->sizes.train_is_count, err));
    if (!c->sizes.test_is_count && !c->sizes.train_is_count && c->sizes.test_size + c->sizes.train_size > 1)
        return bad_parameter(params, "train_size", "test_size and train_size together are more than 1", err);
    c->seed = (uint32_t)aip_params_int(params, "random_state");
    c->shuffle = aip_params_bool(params, "shuffle");
    c->hash = strcmp(aip_params_string(params, "method"), "hash") == 0;
    c->stratify = aip_params_string(params, "stratify");
    if (c->stratify && !c->shuffle) return bad_parameter(params, "stratify", "a stratified split is always shuffled", err);
    if (!c->hash) return AIP_OK;
    if (c->sizes.test_is_count) return bad_parameter(params, "test_size", "method 'hash' needs a fraction", err);
    if (c->sizes.train_is_count) return bad_parameter(params, "train_size", "method 'hash' needs a fraction", err);
    if (c->stratify) return bad_parameter(params, "stratify", "method 'hash' cannot stratify", err);
    return c->shuffle ? AIP_OK : bad_parameter(params, "shuffle", "method 'hash' always shuffles", err);
}

/* ---- counting, and the classes to stratify by ----------------------------------------------------------------------------------- */

static int32_t count_rows(aip_dataset *d, aip__token *token, int64_t *n, aip_error **err) {
    *n = aip__dataset_known_count(d);
    if (*n >= 0) return AIP_OK;
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(d, token, "split", &scan, err));
    int64_t rows = 0;
    int32_t status = AIP_OK;
    for (aip_batch *batch = NULL;; aip_batch_free(batch)) {
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        rows += batch->n_rows;
    }
    aip__scan_close(scan);
    *n = rows;
    return status;
}

typedef struct classes {
    aip__categories set;
    int32_t *codes; /* of each row */
    size_t capacity;
    int64_t n;
} classes;

static int32_t add_classes(classes *c, const aip_batch *batch, int32_t column, aip_error **err) {
    aip_context *ctx = batch->ctx;
    const char *name = batch->schema->fields[column].name;
    if (aip__grow(ctx, &c->codes, &c->capacity, (size_t)(c->n + batch->n_rows), sizeof *c->codes))
        return aip__error_memory(ctx, err);
    AIP__TRY(aip__categories_count_codes(&c->set, batch->columns[column], name, c->codes + c->n, err));
    for (int64_t i = c->n; i < c->n + batch->n_rows; i++) {
        if (c->codes[i] >= 0) continue;
        int32_t status =
            aip__error_set(err, AIP_E_DATA, "column '%s', row %lld (from 0): missing; every row needs a class to stratify by",
                           name, (long long)i);
        aip__error_at_data_column(err, name);
        return status;
    }
    c->n += batch->n_rows;
    return AIP_OK;
}

/* Codes become ranks among the sorted classes. */
static int32_t rank_classes(classes *c, aip_error **err) {
    aip_context *ctx = c->set.ctx;
    int32_t *order = NULL;
    AIP__TRY(aip__categories_order(&c->set, &order, err));
    int32_t *rank = aip__alloc(ctx, ((size_t)c->set.n + 1) * sizeof *rank);
    if (!rank) {
        aip__free(ctx, order);
        return aip__error_memory(ctx, err);
    }
    for (int32_t i = 0; i < c->set.n; i++) rank[order[i]] = i;
    for (int64_t i = 0; i < c->n; i++) c->codes[i] = rank[c->codes[i]];
    aip__free(ctx, order);
    aip__free(ctx, rank);
    return AIP_OK;
}

static void classes_free(aip_context *ctx, classes *c) {
    aip__categories_free(&c->set);
    aip__free(ctx, c->codes);
}

static int32_t read_classes(aip_dataset *d, const char *name, aip__token *token, classes *c, aip_error **err) {
    int32_t column = 0;
    AIP__TRY(aip__schema_need(d->schema, name, &column, err));
    aip__category_kind kind = aip__category_kind_of(d->schema->fields[column].type);
    if (kind == AIP__CATEGORY_NONE)
        return aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s, which has no classes to stratify by", name,
                              aip_type_name(d->schema->fields[column].type));
    aip__categories_init(&c->set, d->ctx, kind, 1000000);
    aip__scan *scan = NULL;
    AIP__TRY(aip__scan_open(d, token, "split", &scan, err));
    int32_t status = AIP_OK;
    for (aip_batch *batch = NULL; status == AIP_OK; aip_batch_free(batch)) {
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        status = add_classes(c, batch, column, err);
    }
    aip__scan_close(scan);
    return status == AIP_OK ? rank_classes(c, err) : status;
}

/* ---- split ---------------------------------------------------------------------------------------------------------------------- */

static int32_t choose_rows(aip_context *ctx, const choice *c, const classes *by, int64_t n, half *train, half *test,
                           aip_error **err) {
    int64_t n_train = 0, n_test = 0;
    AIP__TRY(aip__split_counts(&c->sizes, n, &n_train, &n_test, err));
    if (c->stratify)
        return aip__split_stratified(ctx, by->codes, n, (int32_t)by->set.n, n_train, n_test, c->seed, train->bits, test->bits,
                                     err);
    if (c->shuffle) return aip__split_shuffle(ctx, n, n_train, n_test, c->seed, train->bits, test->bits, err);
    for (int64_t i = 0; i < n_train; i++) aip__bit_set(train->bits, i);
    for (int64_t i = n_train; i < n_train + n_test; i++) aip__bit_set(test->bits, i);
    return AIP_OK;
}

static int32_t by_permutation(aip_dataset *d, const choice *c, aip__token *token, half **train, half **test, aip_error **err) {
    AIP__TRY(aip__dataset_keep(d, token, err));
    classes by = {0};
    int64_t n = 0;
    int32_t status = c->stratify ? read_classes(d, c->stratify, token, &by, err) : count_rows(d, token, &n, err);
    if (status == AIP_OK) {
        if (c->stratify) n = by.n;
        *train = half_new(d->ctx, n);
        *test = half_new(d->ctx, n);
        status = *train && *test ? choose_rows(d->ctx, c, &by, n, *train, *test, err) : aip__error_memory(d->ctx, err);
    }
    classes_free(d->ctx, &by);
    return status;
}

static int32_t by_hash(aip_dataset *d, const choice *c, half **train, half **test, aip_error **err) {
    *train = half_new(d->ctx, -1);
    *test = half_new(d->ctx, -1);
    if (!*train || !*test) return aip__error_memory(d->ctx, err);
    double t = c->sizes.test_size, r = c->sizes.train_size;
    double end = isnan(t) || isnan(r) ? 1 : t + r; /* one size alone: the other part is all the rest */
    if (isnan(t)) t = isnan(r) ? 0.25 : 1 - r;
    **test = (half){.ctx = d->ctx, .n = -1, .seed = c->seed, .from = 0, .to = t};
    **train = (half){.ctx = d->ctx, .n = -1, .seed = c->seed, .from = t, .to = end};
    return AIP_OK;
}

static int32_t split(aip_dataset *d, const aip_params *params, aip__token *token, aip_dataset **train, aip_dataset **test,
                     aip_error **err) {
    choice c = {0};
    AIP__TRY(read_choice(params, &c, err));
    half *a = NULL, *b = NULL;
    aip_dataset *first = NULL;
    int32_t status = c.hash ? by_hash(d, &c, &a, &b, err) : by_permutation(d, &c, token, &a, &b, err);
    if (status == AIP_OK) {
        status = view(d, a, &first, err);
        a = NULL;
    }
    if (status == AIP_OK) {
        status = view(d, b, test, err);
        b = NULL;
    }
    if (status == AIP_OK) {
        *train = first;
        return AIP_OK;
    }
    aip_dataset_free(first);
    if (a) half_destroy(a);
    if (b) half_destroy(b);
    return status;
}

int32_t aip__split_check(aip_context *ctx, const aip__node *params, const char *source, aip_error **err) {
    aip_params *checked = NULL;
    choice c = {0};
    AIP__TRY(aip__params_create(ctx, &split_descriptor, params, source, &checked, err));
    int32_t status = read_choice(checked, &c, err);
    if (status != AIP_OK) aip__error_at_source(err, source);
    aip__params_free(checked);
    return status;
}

int32_t aip__split_dataset(aip_dataset *d, const aip__node *params, const char *source, aip__token *token, aip_dataset **train,
                           aip_dataset **test, aip_error **err) {
    aip_params *checked = NULL;
    AIP__TRY(aip__params_create(d->ctx, &split_descriptor, params, source, &checked, err));
    int32_t status = split(d, checked, token, train, test, err);
    if (status == AIP_E_PARAM) aip__error_at_source(err, source);
    aip__params_free(checked);
    return status;
}

int32_t aip_dataset_split(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_dataset **train,
                          aip_dataset **test, aip_error **err) {
    AIP__BEGIN(err);
    if (!dataset || !train || !test)
        return aip__error_set(err, AIP_E_MISUSE, "aip_dataset_split: dataset, train and test are expected");
    aip__token token;
    AIP__TRY(aip__token_init(&token, dataset->ctx, call, err));
    aip_params *params = NULL;
    AIP__TRY(aip__params_parse(dataset->ctx, &split_descriptor, params_json, &params, err));
    int32_t status = split(dataset, params, &token, train, test, err);
    aip__params_free(params);
    return status;
}
