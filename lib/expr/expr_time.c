/* The functions of dates and timestamps. A timestamp with a zone is UTC inside; its parts are those of its own zone, or of the zone asked for. */
#include "data/convert.h"
#include "expr/expr_functions.h"

#include <string.h>

#define MICROS INT64_C(1000000)
#define DAY INT64_C(86400)

enum { YEAR, MONTH, DAY_OF_MONTH, HOUR, MINUTE, SECOND, WEEKDAY, DAY_OF_YEAR, WEEK, QUARTER };

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- types ------------------------------------------------------------------------------------------------------------------ */
static int32_t need_time(expr_binder *b, expr_bnode *node, expr_bnode *arg, aip_error **err) {
    if (arg->type == 0 || (arg->constant && arg->type == AIP_UTF8))
        return aip__expr_coerce(b, node, arg, AIP_TIMESTAMP, NULL, err);
    if (arg->type != AIP_DATE32 && arg->type != AIP_TIMESTAMP)
        return aip__expr_type_error(b, node, arg, "a date or timestamp", err);
    return AIP_OK;
}

/* The zone that decides the parts: the asked one, or the timestamp's own; none for wall time. */
static int32_t need_zone(expr_binder *b, expr_bnode *node, expr_bnode *arg, int32_t zone_arg, aip_error **err) {
    expr_text name = {0};
    if (node->n_args > zone_arg) {
        AIP__TRY(aip__expr_take_text(b, node, zone_arg, "a time zone", &name, err));
        if (arg->type != AIP_TIMESTAMP || (!arg->zone && !(arg->constant && arg->value.null)))
            return aip__expr_error(
                b->text, arg->op_at, AIP_E_SCHEMA, err,
                "'%s' in a zone expects a timestamp that has a zone, found %s%s; timestamp(x, 'zone') gives it one",
                node->function->name, aip__expr_shown(arg), arg->type == AIP_TIMESTAMP ? " without" : "");
        return aip__expr_zone(b, aip__expr_arg(b->bound, node, zone_arg), name.p, &node->zone_data, err);
    }
    if (arg->type == AIP_TIMESTAMP && arg->zone) return aip__expr_zone(b, arg, arg->zone, &node->zone_data, err);
    return AIP_OK;
}

TYPER(date_part) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, 0);
    int32_t part = node->function->aux;
    AIP__TRY(need_time(b, node, arg, err));
    if (arg->type == AIP_DATE32 && (part == HOUR || part == MINUTE || part == SECOND))
        return aip__expr_type_error(b, node, arg, "a timestamp", err);
    node->from_type = arg->type;
    node->type = AIP_INT64;
    return need_zone(b, node, arg, 1, err);
}

/* Local days, and the second of the day. */
static int64_t local_day(const expr_bnode *node, int64_t v, int64_t *second, aip__zone_span *span) {
    if (node->from_type == AIP_DATE32) {
        *second = 0;
        return v;
    }
    int64_t s = floor_div(v, MICROS);
    if (node->zone_data) s += aip__zone_offset(node->zone_data, s, span);
    int64_t day = floor_div(s, DAY);
    *second = s - day * DAY;
    return day;
}

static int64_t weekday_of(int64_t days) { return ((days + 3) % 7 + 7) % 7; } /* 1970-01-01 was a Thursday; Monday is 0 */

static int64_t iso_week(int64_t days) { /* ISO 8601: the week of its Thursday */
    int64_t thursday = days - weekday_of(days) + 3, year = 0;
    int32_t m, d;
    aip__civil_from_days(thursday, &year, &m, &d);
    return (thursday - aip__days_from_civil(year, 1, 1)) / 7 + 1;
}

EXEC(date_part) {
    (void)r, (void)n_args, (void)err;
    const int64_t *a = args[0].v;
    int64_t *o = out->v_buffer;
    int32_t part = node->function->aux;
    aip__zone_span span = {.from = 1};
    for (int64_t i = 0; i < n; i++) {
        int64_t second = 0, days = local_day(node, a[i], &second, &span), year = 0;
        int32_t month = 0, day = 0;
        if (part != HOUR && part != MINUTE && part != SECOND && part != WEEKDAY) aip__civil_from_days(days, &year, &month, &day);
        switch (part) {
        case YEAR: o[i] = year; break;
        case MONTH: o[i] = month; break;
        case DAY_OF_MONTH: o[i] = day; break;
        case HOUR: o[i] = second / 3600; break;
        case MINUTE: o[i] = second / 60 % 60; break;
        case SECOND: o[i] = second % 60; break;
        case WEEKDAY: o[i] = weekday_of(days); break;
        case DAY_OF_YEAR: o[i] = days - aip__days_from_civil(year, 1, 1) + 1; break;
        case WEEK: o[i] = iso_week(days); break;
        default: o[i] = (month + 2) / 3; break;
        }
    }
    return AIP_OK;
}

/* ---- making dates and timestamps ------------------------------------------------------------------------------------------------- */
TYPER(date) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, 0);
    node->type = AIP_DATE32;
    if (node->n_args == 3) {
        for (int32_t i = 0; i < 3; i++) {
            expr_bnode *part = aip__expr_arg(b->bound, node, i);
            if (part->type && part->type != AIP_INT32 && part->type != AIP_INT64)
                return aip__expr_type_error(b, node, part, "an integer", err);
            AIP__TRY(aip__expr_coerce(b, node, part, AIP_INT64, NULL, err));
        }
        node->nullable = true;
        node->exec = aip__expr_do_date_of_parts;
        return AIP_OK;
    }
    if (node->n_args == 1 && arg->type == AIP_UTF8) {
        node->from_type = AIP_UTF8;
        return AIP_OK;
    }
    AIP__TRY(need_time(b, node, arg, err));
    node->from_type = arg->type;
    return need_zone(b, node, arg, 1, err);
}

EXEC(date_of_parts) {
    (void)r, (void)node, (void)n_args, (void)err;
    const int64_t *y = args[0].v, *m = args[1].v, *d = args[2].v;
    int64_t *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        int64_t year = 0, days = 0;
        int32_t month = 0, day = 0;
        bool ok = y[i] >= 1 && y[i] <= 9999 && m[i] >= 1 && m[i] <= 12 && d[i] >= 1 && d[i] <= 31;
        if (ok) {
            days = aip__days_from_civil(y[i], (int32_t)m[i], (int32_t)d[i]);
            aip__civil_from_days(days, &year, &month, &day);
            ok = day == d[i]; /* 30 February comes out as a day of March */
        }
        o[i] = days;
        if (!ok && aip__expr_ok(out, i)) aip__expr_valid_mut(out, n)[i] = 0;
    }
    return AIP_OK;
}

EXEC(date) {
    (void)r, (void)n_args, (void)err;
    int64_t *o = out->v_buffer;
    aip__zone_span span = {.from = 1};
    for (int64_t i = 0; i < n; i++) {
        if (node->from_type == AIP_UTF8) {
            expr_text t = ((const expr_text *)args[0].v)[i];
            int32_t days = 0;
            if (!aip__parse_date(t.p, t.n, &days) && aip__expr_ok(out, i))
                aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
            o[i] = days;
        } else {
            int64_t second = 0;
            o[i] = local_day(node, ((const int64_t *)args[0].v)[i], &second, &span);
        }
    }
    return AIP_OK;
}

/* timestamp(x): wall time, or as it is. timestamp(x, zone): wall time of that zone, or the same instant shown there. */
TYPER(timestamp) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, 0);
    expr_text name = {0};
    if (arg->type == 0) AIP__TRY(aip__expr_coerce(b, node, arg, AIP_TIMESTAMP, NULL, err));
    if (arg->type != AIP_UTF8 && arg->type != AIP_DATE32 && arg->type != AIP_TIMESTAMP)
        return aip__expr_type_error(b, node, arg, "a text, date or timestamp", err);
    node->from_type = arg->type;
    node->type = AIP_TIMESTAMP;
    node->zone = arg->type == AIP_TIMESTAMP ? arg->zone : NULL;
    node->aux = node->zone != NULL; /* is an instant already */
    if (node->n_args < 2) return AIP_OK;
    AIP__TRY(aip__expr_take_text(b, node, 1, "a time zone", &name, err));
    AIP__TRY(aip__expr_zone(b, aip__expr_arg(b->bound, node, 1), name.p, &node->zone_data, err));
    node->zone = name.p;
    return AIP_OK;
}

EXEC(timestamp) {
    (void)r, (void)n_args, (void)err;
    int64_t *o = out->v_buffer;
    for (int64_t i = 0; i < n; i++) {
        bool ok = true, instant = node->aux != 0;
        int64_t v = 0;
        if (node->from_type == AIP_UTF8) {
            expr_text t = ((const expr_text *)args[0].v)[i];
            int32_t days = 0;
            if (aip__parse_date(t.p, t.n, &days))
                v = days * DAY * MICROS;
            else
                ok = aip__parse_timestamp(t.p, t.n, &v, &instant) && (!instant || node->zone_data);
        } else {
            v = ((const int64_t *)args[0].v)[i];
            if (node->from_type == AIP_DATE32) {
                ok = v <= 106751000 && v >= -106751000;
                v = ok ? v * DAY * MICROS : 0;
            }
        }
        if (!ok) v = 0;
        if (ok && node->zone_data && !instant) {
            int64_t local = floor_div(v, MICROS), shift = aip__zone_to_utc(node->zone_data, local) - local;
            ok = !__builtin_add_overflow(v, shift * MICROS, &v);
        }
        o[i] = v;
        if (!ok && aip__expr_ok(out, i)) aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
    }
    return AIP_OK;
}

TYPER(epoch) {
    expr_bnode *arg = aip__expr_arg(b->bound, node, 0);
    AIP__TRY(need_time(b, node, arg, err));
    node->from_type = arg->type;
    node->type = AIP_FLOAT64;
    return AIP_OK;
}
EXEC(epoch) {
    (void)r, (void)n_args, (void)err;
    const int64_t *a = args[0].v;
    double *o = out->v_buffer;
    bool date = node->from_type == AIP_DATE32;
    for (int64_t i = 0; i < n; i++) o[i] = date ? (double)(a[i] * DAY) : (double)a[i] / 1e6;
    return AIP_OK;
}

/* ---- time between ------------------------------------------------------------------------------------------------------------------- */
static const struct {
    const char *name;
    int64_t micros; /* of units of fixed length */
    int32_t months; /* of the others */
} units[] = {{"microsecond", 1, 0},      {"millisecond", 1000, 0}, {"second", MICROS, 0},        {"minute", 60 * MICROS, 0},
             {"hour", 3600 * MICROS, 0}, {"day", DAY *MICROS, 0},  {"week", 7 * DAY *MICROS, 0}, {"month", 0, 1},
             {"quarter", 0, 3},          {"year", 0, 12}};

TYPER(date_diff) {
    expr_text unit = {0};
    const char *zone = NULL;
    AIP__TRY(aip__expr_take_text(b, node, 0, "a unit", &unit, err));
    node->aux = -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit.p, units[i].name) == 0) node->aux = (int32_t)i;
    if (node->aux < 0)
        return aip__expr_error(b->text, aip__expr_arg(b->bound, node, 0)->op_at, AIP_E_PARAM, err,
                               "expected a unit (second, minute, hour, day, week, month, quarter or year), found '%.40s'",
                               unit.p);
    for (int32_t i = 1; i < 3; i++) {
        expr_bnode *arg = aip__expr_arg(b->bound, node, i);
        if (arg->type && arg->type != AIP_DATE32 && arg->type != AIP_TIMESTAMP && !(arg->constant && arg->type == AIP_UTF8))
            return aip__expr_type_error(b, node, arg, "a date or timestamp", err);
    }
    AIP__TRY(aip__expr_unify(b, node, 1, 1, "compare", &node->from_type, &zone, err));
    if (node->from_type == AIP_UTF8 || node->from_type == 0) { /* two constants */
        node->from_type = AIP_TIMESTAMP;
        for (int32_t i = 1; i < 3; i++)
            AIP__TRY(aip__expr_coerce(b, node, aip__expr_arg(b->bound, node, i), AIP_TIMESTAMP, NULL, err));
    }
    node->type = AIP_INT64;
    return zone ? aip__expr_zone(b, node, zone, &node->zone_data, err) : AIP_OK;
}

/* Wall-clock microseconds. */
static int64_t local_micros(const expr_bnode *node, int64_t v, aip__zone_span *span) {
    if (!node->zone_data) return v;
    return v + aip__zone_offset(node->zone_data, floor_div(v, MICROS), span) * MICROS;
}

/* Whole months from a to b (a <= b): the last one counts when b's day and time have reached a's. */
static int64_t whole_months(int64_t a, int64_t b) {
    int64_t ya = 0, yb = 0, da = floor_div(a, DAY * MICROS), db = floor_div(b, DAY * MICROS);
    int32_t ma = 0, mb = 0, day_a = 0, day_b = 0;
    aip__civil_from_days(da, &ya, &ma, &day_a);
    aip__civil_from_days(db, &yb, &mb, &day_b);
    int64_t months = (yb - ya) * 12 + mb - ma;
    bool reached = day_b > day_a || (day_b == day_a && b - db * DAY * MICROS >= a - da * DAY * MICROS);
    return reached ? months : months - 1;
}

EXEC(date_diff) {
    (void)r, (void)n_args, (void)err;
    const int64_t *a = args[0].v, *b = args[1].v;
    int64_t *o = out->v_buffer, micros = units[node->aux].micros, months = units[node->aux].months;
    aip__zone_span span_a = {.from = 1}, span_b = {.from = 1};
    bool date = node->from_type == AIP_DATE32;
    for (int64_t i = 0; i < n; i++) {
        int64_t x = a[i], y = b[i], between = 0;
        bool ok = true;
        if (date) {
            ok = !__builtin_mul_overflow(x, DAY * MICROS, &x) && !__builtin_mul_overflow(y, DAY * MICROS, &y);
        } else if (months || micros >= DAY * MICROS) { /* calendar units are those of the wall clock */
            x = local_micros(node, x, &span_a);
            y = local_micros(node, y, &span_b);
        }
        ok = ok && !__builtin_sub_overflow(y, x, &between);
        if (!ok)
            o[i] = 0;
        else if (months)
            o[i] = (y >= x ? whole_months(x, y) : -whole_months(y, x)) / months;
        else
            o[i] = between / micros;
        if (!ok && aip__expr_ok(out, i)) aip__expr_bad_mut(out, n)[i] = (uint16_t)(node->index + 1);
    }
    return AIP_OK;
}
