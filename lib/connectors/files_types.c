/* Types settled over all rows before any is read (on_bad_row: promote; infer_rows: null): one pass through the scan, whose items say which of their cells are beyond
 * the guesses of the sample; joined in source order, so that types and the places that forced them are the same for any cut and any
 * number of workers. Memory is that of a pass over the rows. */
#include "connectors/files.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/memory.h"
#include "data/scan.h"
#include <stdio.h>
#include <string.h>

#define MAX_LOGGED 20

struct aip__files_types {
    int32_t n;
    bool each;                    /* file by itself, else all as one */
    aip__guess *sample, *running; /* of each inner column; of each file, where that is asked */
    aip__type_steps steps;        /* that made running larger, in source order; not kept of each file */
};

static size_t place_of(const aip__files_types *t, int32_t file) { return t->each ? (size_t)file * (size_t)t->n : 0; }

/* ---- the pass ------------------------------------------------------------------------------------------------------------------------------- */

static int32_t types_decode(void *cursor, const aip__item *item, aip__decoded *out, aip_error **err) {
    const aip__files_pass *p = cursor;
    aip__files *f = p->f;
    const aip__files_item *mine = item->data;
    aip__type_steps *steps = aip__calloc(f->ctx, 1, sizeof *steps);
    if (!steps) return aip__error_memory(f->ctx, err);
    steps->ctx = f->ctx;
    const aip__guess *start = f->types->sample + place_of(f->types, mine->file);
    int32_t status = f->ops->infer_item(p->readers[mine->file], &mine->inner, start, steps, err);
    if (status != AIP_OK) {
        aip__type_steps_free(steps);
        aip__free(f->ctx, steps);
        return status;
    }
    for (size_t i = 0; i < steps->n; i++) steps->steps[i].file = mine->file;
    *out = (aip__decoded){.rejects = steps};
    return AIP_OK;
}

static int32_t types_account(void *cursor, aip__decoded *decoded, aip_error **err) {
    const aip__files_pass *p = cursor;
    aip__files_types *t = p->f->types;
    aip__type_steps *steps = decoded->rejects;
    int32_t status = AIP_OK;
    decoded->rejects = NULL;
    for (size_t i = 0; i < steps->n && status == AIP_OK; i++) {
        const aip__type_step *s = &steps->steps[i];
        aip__guess *g = &t->running[place_of(t, s->file) + (size_t)s->column];
        if (aip__guess_is_text(*g)) continue;
        if (aip__guess_widen(g, s->cell) && !t->each) status = aip__type_steps_add(&t->steps, s, err);
    }
    aip__type_steps_free(steps);
    aip__free(p->f->ctx, steps);
    return status;
}

static void types_destroy(void *self) { (void)self; /* the files go on to be read */ }

static const aip__source_ops types_ops = {
    .kind = "files",
    .open = aip__files_pass_open,
    .next = aip__files_pass_next,
    .ahead = aip__files_pass_ahead,
    .ready = aip__files_pass_ready,
    .decode = types_decode,
    .item_free = aip__files_pass_item_free,
    .account = types_account,
    .close = aip__files_pass_close,
    .destroy = types_destroy,
    .total_bytes = aip__files_total_bytes,
};

/* No rows come out of it: to its end. */
static int32_t run(aip__files *f, aip_error **err) {
    aip_dataset *d = NULL;
    aip__scan *scan = NULL;
    aip_batch *batch = NULL;
    aip__token own, *token = aip__token_here();
    if (!token) {
        AIP__TRY(aip__token_init(&own, f->ctx, NULL, err));
        token = &own;
    }
    AIP__TRY(aip__dataset_from_source(f->ctx, f->inner, &types_ops, f, false, &d, err));
    int32_t status = aip__scan_open(d, token, "types", &scan, err);
    if (status == AIP_OK) status = aip__scan_next(scan, &batch, err);
    aip_batch_free(batch);
    aip__scan_close(scan);
    aip_dataset_free(d);
    return status;
}

/* ---- what came of it -------------------------------------------------------------------------------------------------------------------------- */

/* "int64", "timestamp[UTC]"; "null" of a column without a value. */
static void type_text(aip__guess g, char out[32]) {
    aip_field field = {0};
    aip__guess_field(g, &field);
    snprintf(out, 32, "%s%s", g.type == 0 ? "null" : aip_type_name(field.type), field.zone ? "[UTC]" : "");
}

/* How a column came from the sample's type to its own, step by step. */
typedef void (*on_step)(const aip__files *f, const aip__type_step *step, const char *type, bool first, aip__text *t);
static void each_step(const aip__files *f, int32_t column, on_step fn, aip__text *t) {
    const aip__files_types *types = f->types;
    aip__guess g = types->sample[column];
    bool first = true;
    for (size_t i = 0; i < types->steps.n; i++) {
        const aip__type_step *s = &types->steps.steps[i];
        char type[32];
        if (s->column != column) continue;
        aip__guess_widen(&g, s->cell);
        type_text(g, type);
        fn(f, s, type, first, t);
        first = false;
    }
}

static void step_text(const aip__files *f, const aip__type_step *s, const char *type, bool first, aip__text *t) {
    aip__text_printf(t, "%s%s by '%s' at %s:%lld:%lld", first ? " " : ", ", type, s->excerpt, f->entries[s->file].path,
                     (long long)s->line, (long long)s->at);
}

static void step_json(const aip__files *f, const aip__type_step *s, const char *type, bool first, aip__text *t) {
    const char *path = f->entries[s->file].path;
    aip__text_printf(t, "%s{\"type\":\"%s\",\"source\":", first ? "" : ",", type);
    aip__text_json(t, path, strlen(path));
    aip__text_printf(t, ",\"line\":%lld,\"column\":%lld,\"byte_offset\":%lld,\"text\":", (long long)s->line, (long long)s->at,
                     (long long)s->offset);
    aip__text_json(t, s->excerpt, strlen(s->excerpt));
    aip__text_char(t, '}');
}

static bool has_steps(const aip__files_types *t, int32_t column) {
    for (size_t i = 0; i < t->steps.n; i++)
        if (t->steps.steps[i].column == column) return true;
    return false;
}

static int32_t log_them(const aip__files *f, aip_error **err) {
    const aip__files_types *types = f->types;
    int32_t n = 0;
    for (int32_t c = 0; c < types->n; c++) {
        if (!has_steps(types, c) || n++ >= MAX_LOGGED) continue;
        aip__text t;
        char from[32], to[32];
        type_text(types->sample[c], from);
        type_text(types->running[c], to);
        aip__text_init(&t, f->ctx);
        each_step(f, c, step_text, &t);
        bool failed = t.failed;
        if (!failed)
            aip__log(f->ctx, AIP_LOG_WARNING, NULL, "column '%s' is read as %s, where its first rows are %s:%s", f->from[c], to,
                     from, t.bytes);
        aip__text_free(&t);
        if (failed) return aip__error_memory(f->ctx, err);
    }
    if (n > MAX_LOGGED)
        aip__log(f->ctx, AIP_LOG_WARNING, NULL, "%d more column%s of other types than their first rows", n - MAX_LOGGED,
                 n - MAX_LOGGED == 1 ? " is" : "s are");
    return AIP_OK;
}

void aip__files_types_report(const aip__files *f, aip__text *t) {
    bool any = false;
    for (int32_t c = 0; f->types && c < f->types->n; c++) {
        char from[32], to[32];
        if (!has_steps(f->types, c)) continue;
        type_text(f->types->sample[c], from);
        type_text(f->types->running[c], to);
        aip__text_str(t, any ? ",{\"column\":" : ",\"promoted\":[{\"column\":");
        aip__text_json(t, f->from[c], strlen(f->from[c]));
        aip__text_printf(t, ",\"from\":\"%s\",\"to\":\"%s\",\"places\":[", from, to);
        each_step(f, c, step_json, t);
        aip__text_str(t, "]}");
        any = true;
    }
    if (any) aip__text_char(t, ']');
}

void aip__files_types_free(aip__files *f) {
    if (!f->types) return;
    aip__type_steps_free(&f->types->steps);
    aip__free(f->ctx, f->types->sample);
    aip__free(f->ctx, f->types->running);
    aip__free(f->ctx, f->types);
    f->types = NULL;
}

/* Of n guesses of the sample to those of all rows. */
static int32_t settle(aip__files *f, bool each, aip__guess *guesses, size_t n, aip_error **err) {
    aip__files_types *t = aip__calloc(f->ctx, 1, sizeof *t);
    if (!t) return aip__error_memory(f->ctx, err);
    f->types = t;
    t->n = f->inner->n;
    t->each = each;
    t->steps.ctx = f->ctx;
    t->sample = aip__calloc(f->ctx, n + 1, sizeof *t->sample);
    t->running = aip__calloc(f->ctx, n + 1, sizeof *t->running);
    if (!t->sample || !t->running) return aip__error_memory(f->ctx, err);
    memcpy(t->sample, guesses, n * sizeof *guesses);
    memcpy(t->running, guesses, n * sizeof *guesses);
    AIP__TRY(run(f, err));
    memcpy(guesses, t->running, n * sizeof *guesses);
    return AIP_OK;
}

int32_t aip__files_settle_types(aip__files *f, aip__guess *guesses, aip_error **err) {
    AIP__TRY(settle(f, false, guesses, (size_t)f->inner->n, err));
    return log_them(f, err);
}

int32_t aip__files_settle_each(aip__files *f, aip__guess *guesses, aip_error **err) {
    size_t n = 0;
    if (aip__mul_size((size_t)f->n, (size_t)f->inner->n, &n)) return aip__error_nomem(err);
    int32_t status = settle(f, true, guesses, n, err);
    aip__files_types_free(f); /* all rows were asked for: nothing was promoted */
    return status;
}
