/* Time zones from TZif files: RFC 8536 (format, and section 3.3.1 for the TZ string), IEEE Std 1003.1 chapter 8 (its rules). Every read is
 * bounded by the file's size; a file is data from outside, even if the system's. */
#include "expr/zone.h"

#include "base/io.h"
#include "base/memory.h"
#include "data/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATABASE "/usr/share/zoneinfo"
#define FILE_LIMIT ((size_t)256 << 10)
#define DAY INT64_C(86400)
#define CYCLE (INT64_C(146097) * DAY) /* 400 years: the calendar, weekdays too, repeats */
#define OFFSET_LIMIT 93600            /* 26 hours */

struct aip__zone {
    aip_context *ctx;
    int32_t first; /* offset before the first change */
    bool repeats;  /* the last CYCLE seconds of changes repeat for ever */
    size_t n, capacity, offsets_capacity;
    int64_t *at;     /* when each change comes, ascending */
    int32_t *offset; /* from then on */
};

static int32_t add_change(aip__zone *z, int64_t at, int32_t offset, aip_error **err) {
    if (z->n && z->at[z->n - 1] == at) { /* at the same time the later rule holds */
        z->offset[z->n - 1] = offset;
        return AIP_OK;
    }
    if (aip__grow(z->ctx, &z->at, &z->capacity, z->n + 1, sizeof *z->at) != 0
        || aip__grow(z->ctx, &z->offset, &z->offsets_capacity, z->n + 1, sizeof *z->offset) != 0)
        return aip__error_memory(z->ctx, err);
    z->at[z->n] = at;
    z->offset[z->n++] = offset;
    return AIP_OK;
}

/* ---- the TZ string --------------------------------------------------------------------------------------------------------------- */
typedef struct text {
    const char *s, *end;
} text;

static bool take(text *t, char c) {
    if (t->s == t->end || *t->s != c) return false;
    t->s++;
    return true;
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool take_int(text *t, int32_t max, int32_t *out) {
    int32_t v = 0, digits = 0;
    while (t->s < t->end && is_digit(*t->s) && digits < 4) v = v * 10 + (*t->s++ - '0'), digits++;
    *out = v;
    return digits > 0 && v <= max;
}
static bool take_name(text *t) {
    const char *start = t->s;
    if (take(t, '<')) {
        while (t->s < t->end && *t->s != '>') t->s++;
        return take(t, '>');
    }
    while (t->s < t->end && is_alpha(*t->s)) t->s++;
    return t->s - start >= 3;
}
static bool take_time(text *t, int32_t *seconds) { /* [+-]hh[:mm[:ss]] */
    bool negative = take(t, '-');
    int32_t h = 0, m = 0, s = 0;
    if (!negative) take(t, '+');
    if (!take_int(t, 167, &h)) return false;
    if (take(t, ':') && !take_int(t, 59, &m)) return false;
    if (take(t, ':') && !take_int(t, 59, &s)) return false;
    *seconds = (h * 3600 + m * 60 + s) * (negative ? -1 : 1);
    return true;
}

typedef struct rule {
    char kind; /* 'M' month.week.day, 'J' day 1..365 without 29 February, 'N' day 0..365 */
    int32_t month, week, day, time;
} rule;
static bool take_rule(text *t, rule *r) {
    *r = (rule){.kind = 'N', .time = 7200};
    if (!take(t, ',')) return false;
    if (take(t, 'M')) {
        r->kind = 'M';
        if (!take_int(t, 12, &r->month) || r->month < 1 || !take(t, '.') || !take_int(t, 5, &r->week) || r->week < 1
            || !take(t, '.') || !take_int(t, 6, &r->day))
            return false;
    } else {
        if (take(t, 'J')) r->kind = 'J';
        if (!take_int(t, 365, &r->day) || (r->kind == 'J' && r->day < 1)) return false;
    }
    return !take(t, '/') || take_time(t, &r->time);
}

static bool is_leap(int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

/* Local seconds since 1970 at which the rule comes in a year. */
static int64_t rule_in(const rule *r, int64_t year) {
    int64_t days = aip__days_from_civil(year, 1, 1);
    if (r->kind == 'N') {
        days += r->day;
    } else if (r->kind == 'J') {
        days += r->day - 1 + (is_leap(year) && r->day >= 60);
    } else {
        int64_t first = aip__days_from_civil(year, r->month, 1);
        int64_t next = r->month == 12 ? aip__days_from_civil(year + 1, 1, 1) : aip__days_from_civil(year, r->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; Sunday is 0 */
        days = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
        while (days >= next) days -= 7;
    }
    return days * DAY + r->time;
}

/* Writes the changes of 401 years past the table. */
static int32_t expand(aip__zone *z, const char *s, size_t n, aip_error **err) {
    text t = {s, s + n};
    int32_t west = 0, standard, summer;
    rule begin, end;
    if (!take_name(&t) || !take_time(&t, &west) || abs(west) >= OFFSET_LIMIT) return AIP_E_CORRUPT;
    standard = -west;
    if (t.s == t.end) {
        if (z->n == 0) z->first = standard;
        return AIP_OK;
    }
    summer = standard + 3600;
    if (!take_name(&t)) return AIP_E_CORRUPT;
    if (t.s < t.end && *t.s != ',') {
        if (!take_time(&t, &west) || abs(west) >= OFFSET_LIMIT) return AIP_E_CORRUPT;
        summer = -west;
    }
    if (!take_rule(&t, &begin) || !take_rule(&t, &end) || t.s != t.end) return AIP_E_CORRUPT;
    int64_t last = z->n ? z->at[z->n - 1] : INT64_C(-62135596800), year = 1970, previous = last;
    int32_t month = 0, day = 0;
    if (z->n) aip__civil_from_days(last / DAY - (last % DAY < 0), &year, &month, &day);
    for (int64_t y = year; y <= year + 401; y++) {
        int64_t a = rule_in(&begin, y) - standard, b = rule_in(&end, y) - summer;
        int64_t times[2] = {a < b ? a : b, a < b ? b : a};
        int32_t offsets[2] = {a < b ? summer : standard, a < b ? standard : summer};
        for (int k = 0; k < 2; k++) {
            if (times[k] <= last || times[k] < previous) continue;
            AIP__TRY(add_change(z, times[k], offsets[k], err));
            previous = times[k];
        }
    }
    z->repeats = true;
    return AIP_OK;
}

/* ---- the file ----------------------------------------------------------------------------------------------------------------------- */
static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static int64_t be_time(const uint8_t *p, size_t width) {
    return width == 4 ? (int64_t)(int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

typedef struct block {
    uint32_t n_utc, n_std, n_leap, n_time, n_type, n_char;
    uint64_t size; /* of the data after the header */
} block;
static bool read_header(const uint8_t *p, size_t left, size_t width, block *b) {
    if (left < 44 || memcmp(p, "TZif", 4) != 0) return false;
    b->n_utc = be32(p + 20);
    b->n_std = be32(p + 24);
    b->n_leap = be32(p + 28);
    b->n_time = be32(p + 32);
    b->n_type = be32(p + 36);
    b->n_char = be32(p + 40);
    b->size = (uint64_t)b->n_time * (width + 1) + (uint64_t)b->n_type * 6 + b->n_char + (uint64_t)b->n_leap * (width + 4)
              + b->n_std + b->n_utc;
    return b->size <= left - 44;
}

/* AIP_E_CORRUPT without an error object: the caller says which file. */
static int32_t read_zone(aip__zone *z, const uint8_t *p, size_t n, aip_error **err) {
    block b;
    size_t width = 4;
    if (!read_header(p, n, width, &b)) return AIP_E_CORRUPT;
    bool footer = p[4] >= '2';
    if (footer) {
        size_t skip = 44 + (size_t)b.size;
        p += skip;
        n -= skip;
        width = 8;
        if (!read_header(p, n, width, &b)) return AIP_E_CORRUPT;
    }
    if (b.n_type < 1 || b.n_type > 256 || b.n_leap != 0) return AIP_E_CORRUPT;
    const uint8_t *times = p + 44, *indices = times + (size_t)b.n_time * width, *types = indices + b.n_time;
    for (uint32_t i = 0; i < b.n_type; i++) {
        int32_t offset = (int32_t)be32(types + (size_t)i * 6);
        if (offset <= -OFFSET_LIMIT || offset >= OFFSET_LIMIT) return AIP_E_CORRUPT;
    }
    z->first = (int32_t)be32(types);
    for (uint32_t i = 0; i < b.n_time; i++) {
        int64_t at = be_time(times + (size_t)i * width, width);
        if (indices[i] >= b.n_type || (z->n && at <= z->at[z->n - 1])) return AIP_E_CORRUPT;
        if (at < -(INT64_C(1) << 59) || at > INT64_C(1) << 40) return AIP_E_CORRUPT;
        AIP__TRY(add_change(z, at, (int32_t)be32(types + (size_t)indices[i] * 6), err));
    }
    if (!footer) return AIP_OK;
    const uint8_t *s = p + 44 + b.size, *end = p + n;
    if (s == end || *s++ != '\n') return AIP_E_CORRUPT;
    const uint8_t *newline = memchr(s, '\n', (size_t)(end - s));
    if (!newline) return AIP_E_CORRUPT;
    return newline == s ? AIP_OK : expand(z, (const char *)s, (size_t)(newline - s), err);
}

int32_t aip__zone_parse(aip_context *ctx, const char *name, const void *bytes, size_t n, aip__zone **out, aip_error **err) {
    aip__zone *z = aip__calloc(ctx, 1, sizeof *z);
    if (!z) return aip__error_memory(ctx, err);
    z->ctx = aip__context_retain(ctx);
    int32_t status = read_zone(z, bytes, n, err);
    if (status == AIP_E_CORRUPT)
        aip__error_set(err, status, "time zone '%s': expected a TZif file (RFC 8536), found other bytes", name);
    if (status != AIP_OK) {
        aip__zone_free(z);
        return status;
    }
    *out = z;
    return AIP_OK;
}

/* +HH:MM, +HHMM, +HH */
static bool fixed_offset(const char *s, int32_t *offset) {
    int32_t digits[4] = {0}, n = 0;
    if (*s != '+' && *s != '-') return false;
    for (const char *p = s + 1; *p; p++) {
        if (*p == ':' && n == 2) continue;
        if (!is_digit(*p) || n == 4) return false;
        digits[n++] = *p - '0';
    }
    int32_t h = digits[0] * 10 + digits[1], m = digits[2] * 10 + digits[3];
    if ((n != 2 && n != 4) || h > 23 || m > 59) return false;
    *offset = (h * 3600 + m * 60) * (*s == '-' ? -1 : 1);
    return true;
}

static bool plain_name(const char *s) { /* no absolute path, no "." or "..": nothing outside the database */
    size_t n = strlen(s);
    if (n == 0 || n > 64 || !is_alpha(*s)) return false;
    for (const char *p = s; *p; p++) {
        if (!is_alpha(*p) && !is_digit(*p) && !strchr("_-+/", *p)) return false;
        if (*p == '/' && (p[1] == '/' || p[1] == 0)) return false;
    }
    return true;
}

int32_t aip__zone_open(aip_context *ctx, const char *name, aip__zone **out, aip_error **err) {
    int32_t offset = 0;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || strcmp(name, "Etc/UTC") == 0 || fixed_offset(name, &offset)) {
        aip__zone *z = aip__calloc(ctx, 1, sizeof *z);
        if (!z) return aip__error_memory(ctx, err);
        z->ctx = aip__context_retain(ctx);
        z->first = offset;
        *out = z;
        return AIP_OK;
    }
    if (!plain_name(name))
        return aip__error_set(err, AIP_E_PARAM, "expected a time zone such as 'UTC' or 'America/New_York', found '%s'", name);
    char path[128];
    snprintf(path, sizeof path, DATABASE "/%s", name);
    struct stat st;
    if (ctx->io->stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (ctx->io->stat(DATABASE, &st) != 0)
            return aip__error_set(err, AIP_E_NOT_FOUND,
                                  "time zone '%s': this machine has no zone database (" DATABASE ", Debian package tzdata)",
                                  name);
        return aip__error_set(err, AIP_E_PARAM, "expected a time zone such as 'UTC' or 'America/New_York', found '%s'", name);
    }
    char *bytes = NULL;
    size_t n = 0;
    AIP__TRY(aip__file_load(ctx, path, FILE_LIMIT, &bytes, &n, err));
    int32_t status = aip__zone_parse(ctx, name, bytes, n, out, err);
    aip__free(ctx, bytes);
    return status;
}

void aip__zone_free(aip__zone *z) {
    if (!z) return;
    aip_context *ctx = z->ctx;
    aip__free(ctx, z->at);
    aip__free(ctx, z->offset);
    aip__free(ctx, z);
    aip__context_release(ctx);
}

/* ---- use -------------------------------------------------------------------------------------------------------------------------- */
int32_t aip__zone_offset(const aip__zone *z, int64_t seconds, aip__zone_span *span) {
    if (seconds >= span->from && seconds < span->to) return span->offset;
    int64_t shift = 0;
    if (z->repeats && z->n && seconds > z->at[z->n - 1]) shift = (seconds - z->at[z->n - 1] + CYCLE - 1) / CYCLE * CYCLE;
    int64_t t = seconds - shift;
    size_t low = 0, high = z->n; /* the first change after t */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (z->at[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    span->offset = low ? z->offset[low - 1] : z->first;
    span->from = low ? z->at[low - 1] + shift : INT64_MIN;
    span->to = low < z->n ? z->at[low] + shift : z->repeats ? seconds + 1 : INT64_MAX;
    return span->offset;
}

int64_t aip__zone_to_utc(const aip__zone *z, int64_t local) {
    aip__zone_span span = {.from = 1};
    int32_t before = aip__zone_offset(z, local - DAY, &span), after = aip__zone_offset(z, local + DAY, &span);
    if (before == after) return local - before;
    if (aip__zone_offset(z, local - before, &span) == before) return local - before;
    if (aip__zone_offset(z, local - after, &span) == after) return local - after;
    return local - before;
}
