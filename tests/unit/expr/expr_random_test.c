/* Random expressions over random columns against a scalar evaluator written here: each node is made as text and, row by row, as values.
 * The rows span several strips, with nulls. */
#include "expr_suites.h"

#include "base/random.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define N 2500
typedef struct cell {
    double v; /* of a bool 0 or 1 */
    bool null;
} cell;
typedef struct made {
    char text[4000];
    cell rows[N];
} made;

static uint64_t seed, drawn;
static uint64_t draw(uint64_t n) { return aip__random_at(seed, drawn++) % n; }
static cell columns[4][N]; /* x, y float64; p, q bool */

static made *make_number(int depth);

static made *make_bool(int depth) {
    made *out = calloc(1, sizeof *out), *a = NULL, *b = NULL;
    uint64_t kind = depth <= 0 ? draw(2) : 2 + draw(5);
    if (kind < 2) { /* a column */
        strcpy(out->text, kind ? "q" : "p");
        memcpy(out->rows, columns[2 + kind], sizeof out->rows);
        return out;
    }
    if (kind == 2) {
        static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
        uint64_t op = draw(6);
        a = make_number(depth - 1), b = make_number(depth - 1);
        snprintf(out->text, sizeof out->text, "(%.1900s %s %.1900s)", a->text, signs[op], b->text);
        for (int i = 0; i < N; i++) {
            double x = a->rows[i].v, y = b->rows[i].v;
            bool v = op == 0 ? x == y : op == 1 ? x != y : op == 2 ? x < y : op == 3 ? x <= y : op == 4 ? x > y : x >= y;
            out->rows[i] = (cell){v, a->rows[i].null || b->rows[i].null};
        }
    } else if (kind == 3 || kind == 4) {
        bool is_or = kind == 4;
        a = make_bool(depth - 1), b = make_bool(depth - 1);
        snprintf(out->text, sizeof out->text, "(%.1900s %s %.1900s)", a->text, is_or ? "or" : "and", b->text);
        for (int i = 0; i < N; i++) {
            cell x = a->rows[i], y = b->rows[i];
            bool decided = (!x.null && (x.v != 0) == is_or) || (!y.null && (y.v != 0) == is_or);
            out->rows[i] = (cell){decided ? is_or : !is_or, !decided && (x.null || y.null)};
        }
    } else if (kind == 5) {
        a = make_bool(depth - 1);
        snprintf(out->text, sizeof out->text, "(not %.3900s)", a->text);
        for (int i = 0; i < N; i++) out->rows[i] = (cell){a->rows[i].v == 0, a->rows[i].null};
    } else {
        a = make_number(depth - 1);
        snprintf(out->text, sizeof out->text, "(%.3900s is null)", a->text);
        for (int i = 0; i < N; i++) out->rows[i] = (cell){a->rows[i].null, false};
    }
    free(a), free(b);
    return out;
}

static made *make_number(int depth) {
    made *out = calloc(1, sizeof *out), *a = NULL, *b = NULL, *c = NULL;
    uint64_t kind = depth <= 0 ? draw(3) : 3 + draw(5);
    if (kind < 2) {
        strcpy(out->text, kind ? "y" : "x");
        memcpy(out->rows, columns[kind], sizeof out->rows);
        return out;
    }
    if (kind == 2) {
        double v = (double)draw(9) * 0.5;
        snprintf(out->text, sizeof out->text, "%.1f", v);
        for (int i = 0; i < N; i++) out->rows[i] = (cell){v, false};
        return out;
    }
    a = make_number(depth - 1), b = make_number(depth - 1);
    if (kind == 6) {
        c = make_bool(depth - 1);
        snprintf(out->text, sizeof out->text, "if(%.1300s, %.1300s, %.1300s)", c->text, a->text, b->text);
        for (int i = 0; i < N; i++) out->rows[i] = !c->rows[i].null && c->rows[i].v != 0 ? a->rows[i] : b->rows[i];
    } else if (kind == 7) {
        snprintf(out->text, sizeof out->text, "coalesce(%.1900s, %.1900s)", a->text, b->text);
        for (int i = 0; i < N; i++) out->rows[i] = a->rows[i].null ? b->rows[i] : a->rows[i];
    } else {
        uint64_t op = draw(4);
        snprintf(out->text, sizeof out->text, "(%.1900s %c %.1900s)", a->text, "+-*/"[op], b -> text);
        for (int i = 0; i < N; i++) {
            double x = a->rows[i].v, y = b->rows[i].v;
            bool null = a->rows[i].null || b->rows[i].null || (op == 3 && y == 0);
            out->rows[i] = (cell){op == 0 ? x + y : op == 1 ? x - y : op == 2 ? x * y : y == 0 ? 0 : x / y, null};
        }
    }
    free(a), free(b), free(c);
    return out;
}

static aip_batch *random_batch(void) {
    aip_field fields[4] = {aip__field("x", AIP_FLOAT64), aip__field("y", AIP_FLOAT64), aip__field("p", AIP_BOOL),
                           aip__field("q", AIP_BOOL)};
    aip__column *c[4];
    aip_schema *schema = NULL;
    aip_batch *batch = NULL;
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(aip__column_new(table_ctx, fields[k].type, N, true, &c[k], NULL), AIP_OK);
        uint8_t *validity = aip__column_validity_mut(c[k]);
        for (int i = 0; i < N; i++) {
            cell v = {k < 2 ? ((double)draw(17) - 8) * 0.5 : (double)draw(2), draw(5) == 0};
            if (v.null) v.v = 0;
            columns[k][i] = v;
            aip__bit_put(validity, i, !v.null);
            if (k < 2)
                aip__column_f64_mut(c[k])[i] = v.v;
            else
                aip__bit_put(aip__column_bool_mut(c[k]), i, v.v != 0);
        }
        aip__column_publish(c[k]);
    }
    ck_assert_int_eq(aip_schema_create(table_ctx, fields, 4, &schema, NULL), AIP_OK);
    ck_assert_int_eq(aip__batch_new(schema, N, c, &batch, NULL), AIP_OK);
    aip_schema_free(schema);
    return batch;
}

static void check(const aip_batch *batch, const made *m, int32_t type) {
    aip__expr *e = NULL;
    aip__bound_expr *b = NULL;
    aip__column *c = NULL;
    aip_error *err = NULL;
    int32_t status = aip__expr_parse(table_ctx, m->text, strlen(m->text), &e, &err);
    if (status == AIP_OK) status = aip__expr_bind(e, batch->schema, &b, &err);
    if (status == AIP_OK) status = aip__expr_eval(b, batch, &c, &err);
    ck_assert_msg(status == AIP_OK, "%s", aip_error_text(err));
    ck_assert_int_eq(c->type, type);
    for (int i = 0; i < N; i++) {
        bool valid = aip__valid(c->validity, i);
        double v = type == AIP_BOOL ? aip__bit_get(aip__column_bits(c), i) : aip__column_f64(c)[i];
        ck_assert_msg(valid == !m->rows[i].null, "%s: row %d is %s", m->text, i, valid ? "valid" : "null");
        if (!valid)
            ck_assert_msg(v == 0, "%s: row %d is null and holds %g", m->text, i, v);
        else
            ck_assert_msg(v == m->rows[i].v || (isnan(v) && isnan(m->rows[i].v)), "%s: row %d is %g, expected %g", m->text, i, v,
                          m->rows[i].v);
    }
    aip__column_free(c);
    aip__expr_unbind(b);
    aip__expr_free(e);
}

START_TEST(random_expressions_give_what_a_scalar_evaluator_gives) {
    for (seed = 1; seed <= 300; seed++) {
        drawn = 0;
        aip_batch *batch = random_batch();
        made *number = make_number(1 + (int)(seed % 4)), *logic = make_bool(1 + (int)(seed % 4));
        if (strlen(number->text) < 1200) check(batch, number, AIP_FLOAT64);
        if (strlen(logic->text) < 1200) check(batch, logic, AIP_BOOL);
        free(number), free(logic);
        aip_batch_free(batch);
    }
}
END_TEST

Suite *expr_random_suite(void) {
    const TTest *const tests[] = {random_expressions_give_what_a_scalar_evaluator_gives, NULL};
    return table_suite("expr random", tests);
}
