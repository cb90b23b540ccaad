/* Row plans: a fitted pipeline and model compiled, for one scorer, into a list of small steps over scratch that the plan owns, so that a row is
 * scored without allocation, lock or name. Each stage adds its steps through its op `row_plan` (aipipe/stage.h); one that has none, or cannot for
 * its binding, leaves the scorer with batches, whose bits a plan must give exactly. A step has no messages: what it cannot answer (a value that does
 * not fit, an unknown category) it refuses, and the scorer sends those rows through batches, which answer or report.
 *
 *     cells     [column of cells][rows]: a frame of one row, where neighbouring columns are neighbouring numbers and kernels run across them,
 *               and a frame of AIP__ROW_BLOCK rows, where kernels run down each column
 *     slot      a column of the table as the plan has it so far: the class of its values and the cells that hold them
 *
 *     class     types                                 a row takes
 *     F64       float32 float64                       a double; NaN where it is null
 *     I64       int32 int64 date32 timestamp          an int64_t
 *     BOOL      bool                                  a byte, 0 or 1
 *     TEXT      utf8 dictionary                       an aip_row_text; bytes is NULL where it is null
 *
 * Without valid bytes, an F64 is null exactly where it is NaN, a TEXT exactly where bytes is NULL, and I64 and BOOL never. A slot may be lazy: the
 * step that fills it joins the plan when something reads it. */
#ifndef AIPIPE_LIB_DATA_ROW_PLAN_H
#define AIPIPE_LIB_DATA_ROW_PLAN_H

#include "base/memory.h"
#include "data/schema.h"
#include <aipipe/stage.h>
#include <stdbool.h>
#include <string.h>

#define AIP__ROW_BLOCK 128
#define AIP__ROW_SHIFT 7

typedef enum { AIP__ROW_F64, AIP__ROW_I64, AIP__ROW_BOOL, AIP__ROW_TEXT } aip__row_class;

typedef struct aip__row_slot {
    aip__row_class class;
    int32_t at;    /* column of cells of its values */
    int32_t valid; /* column of cells of its valid bytes, 1 where it is not null; -1: none */
    int32_t lazy;  /* the step that fills it, not in the plan before somebody reads; -1 */
    /* Of a column that is 1 where a code is `position`, else 0: the I64 cells of the code (-1: none of the group's), and how many are in the group.
     * A model reads the code itself. code is -1 for other columns. */
    int32_t code, position, group;
    bool direct;   /* a float64 of the host's rows, as it is: */
    size_t offset; /* where */
} aip__row_slot;

typedef struct aip__row_frame {
    uint8_t *cells;
    int32_t shift; /* a column of cells holds 1 << shift rows: 0 or AIP__ROW_SHIFT */
    int32_t n;     /* rows in use */
    const uint8_t *rows;
    size_t stride;
} aip__row_frame;

static inline void *aip__row_at(const aip__row_frame *f, int32_t column) { return f->cells + ((size_t)column << (3 + f->shift)); }
static inline double *aip__row_f64_at(const aip__row_frame *f, int32_t column) { return aip__row_at(f, column); }
static inline int64_t *aip__row_i64_at(const aip__row_frame *f, int32_t column) { return aip__row_at(f, column); }

/* False: rows of this frame must go through batches. */
typedef bool (*aip__row_fn)(void *self, const aip__row_frame *f);

typedef struct aip__row_step {
    aip__row_fn fn;
    void *self;                  /* of the plan */
    void (*destroy)(void *self); /* what self holds beside itself; may be NULL */
} aip__row_step;

struct aip_row_plan {
    aip_context *ctx;
    aip__row_slot *slots; /* the table as it is after the stages so far */
    int32_t n_slots;
    aip__row_step *steps, *lazy; /* lazy: fn is NULL once it has moved to steps */
    size_t n_steps, steps_capacity, n_lazy, lazy_capacity;
    int32_t n_columns;   /* of cells */
    aip__buffer *memory; /* of both frames */
    uint8_t *one, *block;
    aip__row_slot result;
    const char *refused; /* the stage that has no rows, when one is met */
};

/* A row of the host's memory: fields in the order of the table. */
typedef struct aip__row_field {
    int32_t type;
    size_t offset;
} aip__row_field;

int32_t aip__row_plan_new(aip_context *ctx, const aip__row_field *fields, int32_t n, aip_row_plan **out, aip_error **err);
/* Ends it: result, of the table, is what run gives, as float64 with NaN for null. */
int32_t aip__row_plan_end(aip_row_plan *plan, int32_t result, aip_error **err);
void aip__row_plan_free(aip_row_plan *plan);
/* False: rows that a step refused are among them. In the floating-point mode of the library. */
bool aip__row_plan_run(const aip_row_plan *plan, const uint8_t *rows, size_t stride, int64_t n, double *out);

/* ---- for stages: each returns AIP_OK, or an error; AIP_E_UNSUPPORTED (without one): this binding goes by batches ------------------------------ */

/* Class of a type; false for a type that has none (decimal64, binary). */
bool aip__row_class_of(int32_t type, aip__row_class *out);
/* Cells for a new column. */
int32_t aip__row_slot_new(aip_row_plan *plan, aip__row_class class, bool valid, aip__row_slot *out, aip_error **err);
/* n new F64 columns beside each other. */
int32_t aip__row_slots_new(aip_row_plan *plan, int32_t n, aip__row_slot *out, aip_error **err);
/* A step at the end of the plan; self: size zeroed bytes. */
int32_t aip__row_step_add(aip_row_plan *plan, aip__row_fn fn, size_t size, void *self_out, aip_error **err);
/* The same, waiting: *lazy goes into the slots that it fills. */
int32_t aip__row_step_wait(aip_row_plan *plan, aip__row_fn fn, size_t size, void *self_out, int32_t *lazy, aip_error **err);
/* How many slots from the first on are float64 fields that lie beside each other in the host's rows: a step may read them there (not aligned). */
int32_t aip__row_direct(const aip__row_slot *slots, int32_t n);
/* Sees to it that a slot is filled. */
int32_t aip__row_need(aip_row_plan *plan, const aip__row_slot *slot, aip_error **err);
/* Numbers and bools as F64, null as NaN; lazy ones are filled. out may be in. */
int32_t aip__row_need_f64(aip_row_plan *plan, const aip__row_slot *in, int32_t n, aip__row_slot *out, aip_error **err);
/* How many slots from the first on lie beside each other. */
int32_t aip__row_run_of(const aip__row_slot *slots, int32_t n);
/* The table from now on: n slots, copied. */
int32_t aip__row_table(aip_row_plan *plan, const aip__row_slot *slots, int32_t n, aip_error **err);
/* As aip__column_cast: a value that does not fit is refused when strict, else null. out may be in. */
int32_t aip__row_cast(aip_row_plan *plan, const aip__row_slot *in, const aip_field *from, const aip_field *to, bool strict,
                      aip__row_slot *out, aip_error **err);

/* Whether row i is missing: null, or NaN of a float. */
static inline bool aip__row_missing(const aip__row_frame *f, const aip__row_slot *s, int32_t i) {
    if (s->valid >= 0 && !((const uint8_t *)aip__row_at(f, s->valid))[i]) return true;
    if (s->class == AIP__ROW_F64) {
        double v = aip__row_f64_at(f, s->at)[i];
        return v != v;
    }
    return s->class == AIP__ROW_TEXT && !((const aip_row_text *)aip__row_at(f, s->at))[i].bytes;
}

#endif
