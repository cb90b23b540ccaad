/* Casts in a row plan: value by value, by the rules of column_cast.c. */
#include "data/row_plan.h"

#include "data/column_cast.h"
#include <math.h>

typedef struct {
    aip__row_slot from, to;
    aip_field from_field, to_field; /* types, scales and whether there is a zone; the texts are the schema's, and not read */
    bool strict;
} casting;

static aip__cell read_cell(const aip__row_frame *f, const aip__row_slot *s, int32_t i) {
    aip__cell v = {.kind = AIP__CELL_INTEGER};
    const void *at = aip__row_at(f, s->at);
    switch (s->class) {
    case AIP__ROW_F64:
        v.kind = AIP__CELL_FLOAT;
        v.d = ((const double *)at)[i];
        break;
    case AIP__ROW_I64: v.i = ((const int64_t *)at)[i]; break;
    case AIP__ROW_BOOL: v.i = ((const uint8_t *)at)[i]; break;
    case AIP__ROW_TEXT:
        v.kind = AIP__CELL_TEXT;
        v.s = ((const aip_row_text *)at)[i].bytes;
        v.n = ((const aip_row_text *)at)[i].n;
        break;
    }
    return v;
}

/* Null, which NaN is not where there are valid bytes. */
static bool is_null(const aip__row_frame *f, const aip__row_slot *s, int32_t i) {
    return s->valid >= 0 ? !((const uint8_t *)aip__row_at(f, s->valid))[i] : aip__row_missing(f, s, i);
}

static bool cast(void *self, const aip__row_frame *f) {
    const casting *c = self;
    uint8_t *valid = aip__row_at(f, c->to.valid);
    void *to = aip__row_at(f, c->to.at);
    for (int32_t row = 0; row < f->n; row++) {
        bool there = !is_null(f, &c->from, row);
        int64_t i = 0;
        double d = 0;
        if (there) {
            aip__cell v = read_cell(f, &c->from, row);
            bool fits = c->to.class == AIP__ROW_F64 ? aip__cell_to_float(&v, &c->from_field, &c->to_field, &d)
                                                    : aip__cell_to_integer(&v, &c->from_field, &c->to_field, &i);
            if (!fits && c->strict) return false;
            there = fits;
        }
        valid[row] = there;
        if (c->to.class == AIP__ROW_F64)
            ((double *)to)[row] = !there ? (double)NAN : c->to_field.type == AIP_FLOAT32 ? (double)(float)d : d;
        else if (c->to.class == AIP__ROW_I64)
            ((int64_t *)to)[row] = there ? i : 0;
        else
            ((uint8_t *)to)[row] = there && i != 0;
    }
    return true;
}

int32_t aip__row_cast(aip_row_plan *p, const aip__row_slot *in, const aip_field *from, const aip_field *to, bool strict,
                      aip__row_slot *out, aip_error **err) {
    aip__row_class from_class = AIP__ROW_F64, to_class = AIP__ROW_F64;
    if (!aip__row_class_of(from->type, &from_class) || !aip__row_class_of(to->type, &to_class) || !aip__cast_possible(from, to))
        return AIP_E_UNSUPPORTED;
    bool same = from->type == to->type || (from->type == AIP_FLOAT32 && to->type == AIP_FLOAT64)
                || (from->type == AIP_INT32 && to->type == AIP_INT64)
                || (from_class == AIP__ROW_TEXT && to_class == AIP__ROW_TEXT);
    if (same) {
        *out = *in;
        return AIP_OK;
    }
    if (to_class == AIP__ROW_TEXT) return AIP_E_UNSUPPORTED; /* needs room for texts */
    if (to->type == AIP_FLOAT64 && (from_class == AIP__ROW_I64 || from_class == AIP__ROW_BOOL))
        return aip__row_need_f64(p, in, 1, out, err);
    aip__row_slot given = *in; /* out may be in */
    AIP__TRY(aip__row_need(p, in, err));
    casting *c = NULL;
    AIP__TRY(aip__row_step_add(p, cast, sizeof *c, &c, err));
    AIP__TRY(aip__row_slot_new(p, to_class, true, out, err));
    *c = (casting){.from = given, .to = *out, .from_field = *from, .to_field = *to, .strict = strict};
    return AIP_OK;
}
