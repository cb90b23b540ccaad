/* convert_proof COUNT THREADS: columns of fields against references, at every vector level that the machine has.
 *   doubles      COUNT texts, random and hard (below), by bits against the C library's strtod
 *   dates        every day, month 0 to 13 and day 0 to 32 of the years 0 to 10000, against a calendar that counts days
 *   integers     every width of digits with every sign and the ends of the types, against sums of digits in 128 bits
 *   timestamps   random ones against timegm
 *   decimals     every scale, against the digits in 128 bits
 * Prints the counts; ends with 1 at the first difference. */
#include "base/cpu.h"
#include "data/convert_column.h"
#include <aipipe/data.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIELDS 1024
#define WIDEST 1100

__extension__ typedef __int128 wide;

typedef struct prover {
    uint64_t state;
    int64_t count; /* of doubles */
    char text[64 + FIELDS * WIDEST + 64];
    uint32_t ends[FIELDS + 1], n;
    int32_t fields;
    int64_t done;
} prover;

static uint64_t draw(prover *p) {
    p->state ^= p->state << 13;
    p->state ^= p->state >> 7;
    p->state ^= p->state << 17;
    return p->state * UINT64_C(2685821657736338717);
}

static void begin(prover *p) {
    p->n = 0;
    p->fields = 0;
    p->ends[0] = UINT32_MAX;
}
/* Where the next field's text goes: at most WIDEST - 1 bytes. */
static char *place(prover *p) { return p->text + 64 + p->n; }
static void put(prover *p, size_t n) {
    p->n += (uint32_t)n;
    p->ends[++p->fields] = p->n;
    p->text[64 + p->n++] = 0; /* ends the text for the references too */
}
static const char *text_of(const prover *p, int32_t i) { return p->text + 64 + (uint32_t)(p->ends[i] + 1); }

_Noreturn static void differ(const char *what, const char *text, const char *got) {
    printf("%s: '%s' gave %s\n", what, text, got);
    exit(1);
}

/* The fields as values; the odd and empty ones are marked in none[]. */
static void convert(const prover *p, const aip__conversion *c, void *values, bool *none) {
    static __thread int32_t odd[FIELDS], empty[FIELDS];
    aip__fields f = {.text = p->text + 64, .ends = p->ends + 1, .stride = 1, .n = p->fields};
    int32_t n_empty = 0, n_odd = aip__convert_fields(c, &f, values, 0, odd, empty, &n_empty);
    memset(none, 0, (size_t)p->fields * sizeof *none);
    for (int32_t i = 0; i < n_odd; i++) none[odd[i]] = true;
    for (int32_t i = 0; i < n_empty; i++) none[empty[i]] = true;
}

/* ---- doubles -------------------------------------------------------------------------------------------------------------------------------- */

static size_t digits(prover *p, char *out, size_t n) {
    for (size_t i = 0; i < n; i += 8) { /* eight at a time: draws cost more than what is tested */
        uint64_t r = draw(p);
        for (size_t k = i; k < n && k < i + 8; k++, r >>= 8) out[k] = (char)('0' + (r & 0xff) % 10);
    }
    return n;
}

static double from_bits(uint64_t b) {
    double v = 0;
    memcpy(&v, &b, sizeof v);
    return v;
}

static double any_double(prover *p) {
    uint64_t b = draw(p) & (UINT64_MAX >> 1);
    return from_bits(b >> 52 == 0x7ff ? b ^ UINT64_C(1) << 62 : b);
}

/* Of v and the next double; exact where a long double has 64 bits or more. */
static long double middle(double v) { return (long double)v + ((long double)nextafter(v, INFINITY) - v) / 2; }

/* A digit of the text is changed by one, so that it lies beside a hard point. */
static void nudge(prover *p, char *out, size_t n) {
    size_t e = n;
    for (size_t i = 0; i < n; i++)
        if (out[i] == 'e') e = i;
    char *last = out + e - 1;
    if (draw(p) & 1 && *last >= '0' && *last < '9') ++*last;
}

static size_t hard(prover *p, char *out, int kind) {
    double v = 0;
    size_t n = 0;
    switch (kind) {
    case 0: return (size_t)sprintf(out, "%.*e", (int)(draw(p) % 25), any_double(p));
    case 1: return (size_t)sprintf(out, "%.17g", any_double(p));
    case 2: /* close to, or at, the middle of two doubles: 80 bits hold it */
        v = any_double(p);
        if (v > 1e308) v /= 2;
        n = (size_t)sprintf(out, "%.*Le", (int)(16 + draw(p) % 10), middle(v));
        nudge(p, out, n);
        return n;
    case 3: /* subnormal, and the middle of two */
        v = from_bits(draw(p) >> (12 + draw(p) % 52));
        n = (size_t)sprintf(out, "%.*Le", (int)(draw(p) % 25), (long double)v + (draw(p) & 1 ? 0x1p-1075L : 0));
        nudge(p, out, n);
        return n;
    case 4: /* an exact middle with all its digits */
        v = any_double(p);
        if (v > 1e308) v /= 2;
        return (size_t)sprintf(out, "%.*Le", 800, middle(v));
    case 5: /* beside powers of two and ten */
        return (size_t)sprintf(out, "%.*e", (int)(14 + draw(p) % 8),
                               from_bits((1 + draw(p) % 2045) * (UINT64_C(1) << 52) + draw(p) % 5 - 2));
    default: /* whole numbers beside 2^53 to 2^64 */
        return (size_t)sprintf(out, "%llu", (unsigned long long)((UINT64_C(1) << (53 + draw(p) % 11)) + draw(p) % 4097 - 2048));
    }
}

static size_t plain(prover *p, char *out) {
    size_t n = 0;
    uint64_t kind = draw(p) % 8;
    if (draw(p) & 1) out[n++] = '-';
    size_t before = draw(p) % (kind < 4 ? 6 : 20), behind = draw(p) % (kind < 4 ? 9 : 20);
    n += digits(p, out + n, before + (before + behind == 0));
    if (behind > 0 || (kind & 1)) out[n++] = '.';
    n += digits(p, out + n, behind);
    if (kind >= 6) n += (size_t)sprintf(out + n, "e%d", (int)(draw(p) % 720) - 365);
    return n;
}

static void doubles(prover *p) {
    static __thread double got[FIELDS], expected[FIELDS];
    static __thread bool none[FIELDS];
    aip__conversion c = {.type = AIP_FLOAT64, .decimal = '.'};
    for (; p->done < p->count; p->done += FIELDS) {
        begin(p);
        for (int32_t i = 0; i < FIELDS; i++) {
            uint64_t kind = draw(p) % 16;
            size_t n = kind >= 6 ? plain(p, place(p)) : hard(p, place(p), (int)(kind == 4 && draw(p) % 64 ? 6 : kind));
            put(p, n);
            expected[i] = strtod(text_of(p, i), NULL);
        }
        convert(p, &c, got, none);
        for (int32_t i = 0; i < FIELDS; i++) {
            char text[64];
            if (!none[i] && memcmp(&got[i], &expected[i], sizeof(double)) == 0) continue;
            snprintf(text, sizeof text, "%a, strtod %a", got[i], expected[i]);
            differ("doubles", text_of(p, i), none[i] ? "nothing" : text);
        }
    }
}

static void *prove_doubles(void *p) {
    doubles(p);
    return NULL;
}

/* ---- dates and timestamps -------------------------------------------------------------------------------------------------------------------------- */

static int64_t dates(prover *p) {
    static const int days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static int32_t got[FIELDS], expected[FIELDS];
    static bool none[FIELDS], wrong[FIELDS];
    aip__conversion c = {.type = AIP_DATE32};
    int64_t count = 0;
    int32_t day_number = -719162; /* 1 January of year 1 */
    begin(p);
    for (int y = 0; y <= 9999; y++)
        for (int m = 0; m <= 13; m++)
            for (int d = 0; d <= 32; d++) {
                bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
                bool day = y >= 1 && m >= 1 && m <= 12 && d >= 1 && d <= days_in[m - 1] + (m == 2 && leap);
                wrong[p->fields] = !day;
                expected[p->fields] = day ? day_number++ : 0;
                put(p, (size_t)sprintf(place(p), "%04d-%02d-%02d", y, m, d));
                count++;
                if (p->fields < FIELDS && !(y == 9999 && m == 13 && d == 32)) continue;
                convert(p, &c, got, none);
                for (int32_t i = 0; i < p->fields; i++)
                    if (none[i] != wrong[i] || got[i] != expected[i])
                        differ("dates", text_of(p, i), none[i] ? "nothing" : "another day");
                begin(p);
            }
    if (day_number != 2932897) differ("dates", "9999-12-31", "not the last day"); /* the day behind it */
    return count;
}

static int64_t timestamps(prover *p, int64_t count) {
    static int64_t got[FIELDS], expected[FIELDS];
    static bool none[FIELDS];
    int64_t done = 0;
    for (; done < count; done += FIELDS) {
        aip__conversion c = {.type = AIP_TIMESTAMP, .zoned = draw(p) & 1};
        begin(p);
        for (int32_t i = 0; i < FIELDS; i++) {
            struct tm t = {.tm_year = (int)(draw(p) % 9999) + 1 - 1900,
                           .tm_mon = (int)(draw(p) % 12),
                           .tm_mday = (int)(1 + draw(p) % 28),
                           .tm_hour = (int)(draw(p) % 24),
                           .tm_min = (int)(draw(p) % 60),
                           .tm_sec = (int)(draw(p) % 60)};
            char *out = place(p);
            size_t n = (size_t)sprintf(out, "%04d-%02d-%02d%c%02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                       "T "[draw(p) & 1], t.tm_hour, t.tm_min, t.tm_sec);
            int64_t micros = 0, width = (int64_t)(draw(p) % 8);
            if (width > 0) { /* up to six places, and zeros behind */
                out[n++] = '.';
                for (int64_t k = 0, unit = 100000; k < width; k++, unit /= 10) {
                    int digit = unit > 0 ? (int)(draw(p) % 10) : 0;
                    micros += digit * unit;
                    out[n++] = (char)('0' + digit);
                }
            }
            expected[i] = (int64_t)timegm(&t) * 1000000 + micros;
            if (c.zoned && draw(p) % 2) {
                out[n++] = "Zz"[draw(p) & 1];
            } else if (c.zoned) {
                int hours = (int)(draw(p) % 24), minutes = (int)(draw(p) % 60), east = draw(p) & 1 ? 1 : -1;
                n += (size_t)sprintf(out + n, "%c%02d:%02d", east > 0 ? '+' : '-', hours, minutes);
                expected[i] -= (int64_t)east * (hours * 60 + minutes) * 60000000;
            }
            put(p, n);
        }
        convert(p, &c, got, none);
        for (int32_t i = 0; i < FIELDS; i++)
            if (none[i] || got[i] != expected[i]) differ("timestamps", text_of(p, i), none[i] ? "nothing" : "another time");
    }
    return done;
}

/* ---- integers and decimals --------------------------------------------------------------------------------------------------------------------------- */

/* The text as a whole number of units of 10^-scale. False: too many digits to be in range, or digits beyond the scale that are not 0. */
static bool exact(const char *s, int scale, wide *out) {
    bool minus = *s == '-', point = false;
    wide v = 0;
    int places = 0;
    if (*s == '-' || *s == '+') s++;
    for (; *s; s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        if (point && places == scale) {
            if (*s != '0') return false;
            continue;
        }
        v = v * 10 + (*s - '0');
        places += point;
        if (v > ((wide)1 << 100)) return false;
    }
    for (; places < scale; places++) {
        v *= 10;
        if (v > ((wide)1 << 100)) return false;
    }
    *out = minus ? -v : v;
    return true;
}

static int64_t whole(prover *p, int64_t count, int32_t type, int scale, wide lowest, wide highest) {
    static int64_t wide_values[FIELDS];
    static bool none[FIELDS];
    aip__conversion c = {.type = type, .scale = scale, .decimal = '.'};
    int64_t done = 0;
    for (; done < count; done += FIELDS) {
        begin(p);
        for (int32_t i = 0; i < FIELDS; i++) {
            char *out = place(p);
            size_t n = 0;
            uint64_t sign = draw(p) % 4;
            if (sign > 1) out[n++] = sign == 2 ? '-' : '+';
            if (type != AIP_DECIMAL64 && draw(p) % 8 == 0) { /* beside the ends of the types */
                unsigned shift = (unsigned)(draw(p) % 4) * 16 + 15;
                n += (size_t)sprintf(out + n, "%llu", (unsigned long long)((UINT64_C(1) << shift) + draw(p) % 5 - 2));
            } else {
                n += digits(p, out + n, 1 + draw(p) % 21);
                if (type == AIP_DECIMAL64 && draw(p) % 4) {
                    out[n++] = '.';
                    n += digits(p, out + n, draw(p) % 20);
                    for (size_t zeros = draw(p) % 3; zeros > 0; zeros--) out[n++] = '0';
                }
            }
            put(p, n);
            out[n] = 0;
        }
        convert(p, &c, wide_values, none);
        for (int32_t i = 0; i < FIELDS; i++) {
            wide v = 0;
            int64_t got = type == AIP_INT32 ? ((int32_t *)(void *)wide_values)[i] : wide_values[i];
            bool fits = exact(text_of(p, i), scale, &v) && v >= lowest && v <= highest;
            if (fits == none[i] || (fits && v != got))
                differ("whole numbers", text_of(p, i), none[i] ? "nothing" : "another value");
        }
    }
    return done;
}

int main(int argc, char **argv) {
    int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    if (count < 1 || threads < 1 || threads > 64) {
        fprintf(stderr, "usage: convert_proof COUNT THREADS\n");
        return 2;
    }
    prover *p = calloc((size_t)threads, sizeof *p);
    pthread_t *t = calloc((size_t)threads, sizeof *t);
    if (!p || !t) return 2;
    for (int level = AIP__CPU_SCALAR; level <= AIP__CPU_AVX512; level++) {
        if ((int)aip__cpu_set((aip__cpu_level)level) != level) continue;
        const char *name = aip__cpu_name((aip__cpu_level)level);
        int64_t n = 0;
        for (int i = 0; i < threads; i++) {
            p[i].state = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(i + 1 + 100 * level);
            p[i].count = count / threads;
            p[i].done = 0;
            if (pthread_create(&t[i], NULL, prove_doubles, &p[i]) != 0) return 2;
        }
        for (int i = 0; i < threads; i++) pthread_join(t[i], NULL), n += p[i].done;
        printf("%-7s %12lld doubles equal strtod\n", name, (long long)n);
        printf("%-7s %12lld dates\n", name, (long long)dates(p));
        printf("%-7s %12lld timestamps\n", name, (long long)timestamps(p, count / 50));
        n = whole(p, count / 50, AIP_INT32, 0, INT32_MIN, INT32_MAX) + whole(p, count / 50, AIP_INT64, 0, INT64_MIN, INT64_MAX);
        printf("%-7s %12lld integers\n", name, (long long)n);
        n = 0;
        for (int scale = 0; scale <= 18; scale++) n += whole(p, count / 500, AIP_DECIMAL64, scale, INT64_MIN, INT64_MAX);
        printf("%-7s %12lld decimals\n", name, (long long)n);
        fflush(stdout);
    }
    free(p);
    free(t);
    return 0;
}
