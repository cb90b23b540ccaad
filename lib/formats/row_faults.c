/* The bad rows of an item (row_faults.h). */
#include "formats/row_faults.h"

#include "base/context.h"
#include "base/memory.h"

int32_t aip__row_faults_count(aip__row_faults *f, aip_error **err) {
    if (f->bad) return AIP_OK;
    f->bad = aip__calloc(f->ctx, 1, sizeof *f->bad);
    return f->bad ? AIP_OK : aip__error_memory(f->ctx, err);
}

int32_t aip__row_faults_drop(aip__row_faults *f, int64_t i, aip_error **err) {
    if (!f->keep) {
        f->keep = aip__alloc(f->ctx, aip__bitmap_bytes(f->max_rows) + 8);
        if (!f->keep) return aip__error_memory(f->ctx, err);
        aip__bitmap_fill(f->keep, f->max_rows, true);
    }
    aip__bit_clear(f->keep, i);
    f->n_dropped++;
    return AIP_OK;
}

static int32_t note_first(aip__row_faults *f, const aip__bad_row *r, aip_error **err) {
    aip__text t;
    aip__text_init(&t, f->ctx);
    aip__text_printf(&t, "%s:%lld: ", f->source, (long long)r->line);
    if (r->name) aip__text_printf(&t, "%s '%s': ", r->what, r->name);
    aip__text_str(&t, r->why);
    return aip__text_take(&t, &f->bad->first, NULL, err);
}

int32_t aip__row_faults_reject(aip__row_faults *f, const aip__bad_row *r, aip_error **err) {
    AIP__TRY(aip__row_faults_count(f, err));
    if (!f->bad->rejects) AIP__TRY(aip__rejects_new(f->ctx, &f->bad->rejects, err));
    if (!f->bad->first) AIP__TRY(note_first(f, r, err));
    f->n_rejected++;
    return aip__rejects_add(f->bad->rejects, f->source, r->line, r->name, r->offset, r->why, r->raw, r->n, err);
}

int32_t aip__row_faults_batch(aip__row_faults *f, const aip_schema *schema, int64_t n_rows, aip__column **columns, int32_t status,
                              aip_batch **out, aip_error **err) {
    aip_batch *all = NULL;
    if (status == AIP_OK) {
        status = aip__batch_new(schema, n_rows, columns, &all, err); /* takes the columns */
    } else {
        for (int32_t s = 0; s < schema->n; s++) aip__column_free(columns[s]);
    }
    aip__free(f->ctx, columns);
    if (status != AIP_OK || f->n_dropped == 0) {
        if (status == AIP_OK) *out = all;
        return status;
    }
    status = aip__batch_filter(all, f->keep, out, err);
    aip_batch_free(all);
    return status;
}

void aip__row_faults_end(aip__row_faults *f) {
    aip__free(f->ctx, f->keep);
    f->keep = NULL;
}
