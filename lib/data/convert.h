/* Text to value and value to text, shared by CSV, JSON, cast and the expression language. All parse the whole text or refuse; none depends on
 * the locale. */
#ifndef AIPIPE_LIB_DATA_CONVERT_H
#define AIPIPE_LIB_DATA_CONVERT_H

#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

bool aip__parse_i64(const char *s, size_t n, int64_t *out); /* [+-]digits, no overflow */
bool aip__parse_i32(const char *s, size_t n, int32_t *out);
/* Decimal or scientific, correctly rounded (bit-equal to strtod in the C locale); also nan, inf, infinity in any case, with sign. No hex, no
 * white space. decimal: the decimal mark, usually '.'. Fast path: at most 19 digits by Clinger's exact powers, then Eisel-Lemire (Lemire 2021,
 * "Number parsing at a gigabyte per second"), then the C library. */
bool aip__parse_f64(const char *s, size_t n, char decimal, double *out);
/* w * 10^exponent to the nearest double, for exponent from -342 to 308. False where 128 bits do not decide, for 0 and for subnormals. */
bool aip__decimal_f64(uint64_t w, int64_t exponent, double *out);
bool aip__parse_bool(const char *s, size_t n, bool *out);     /* true false True False TRUE FALSE */
bool aip__parse_date(const char *s, size_t n, int32_t *days); /* YYYY-MM-DD, proleptic Gregorian, years 0001 to 9999 */
/* YYYY-MM-DD[T ]HH:MM[:SS[.ffffff]][Z|+HH[:]MM]; *has_zone says whether an offset was given; then micros is UTC. Digits past micros are refused
 * unless zero. */
bool aip__parse_timestamp(const char *s, size_t n, int64_t *micros, bool *has_zone);
bool aip__parse_decimal(const char *s, size_t n, int32_t scale, int64_t *out);
bool aip__parse_decimal_as(const char *s, size_t n, char decimal, int32_t scale, int64_t *out); /* with that decimal mark */

/* Texts by rules of one's own (convert_custom.c). */
#define AIP__LONGEST_GROUPED 512
/* A number with the mark between all groups of three digits before the decimal mark ("1,234,567.8"), without it, to `to` (room for
 * AIP__LONGEST_GROUPED); returns its length, or 0: no mark, groups of another size, or a longer text. */
size_t aip__without_thousands(char *to, const char *s, size_t n, char thousands, char decimal);
bool aip__parse_words(const char *s, size_t n, char *const *yes, int32_t n_yes, char *const *no, int32_t n_no, bool *out);
/* A text that is as strftime would write the format, in English: %Y %y (69 to 99: 1969 to 1999) %m %d %e %H %I %p %M %S %f (fraction) %z %b %h %B
 * %a %A %F %D %T %R %%. Numbers but years may lack leading zeros, names may be short or whole, in any case. What the format does not have is the
 * first of January and midnight. */
bool aip__parse_time_as(const char *s, size_t n, const char *format, int64_t *micros, bool *has_zone);
/* The letter behind % that is not known ('%': none follows), 'Y' when the format has no year, 0 when all is well. */
char aip__time_format_fault(const char *format);
bool aip__time_format_has_time(const char *format); /* of day */

/* Each writes at most 64 bytes (no NUL) and returns their number. */
size_t aip__format_i64(char *out, int64_t v);
size_t aip__format_f64(char *out,
                       double v); /* shortest that reads back to the same bits: 0.1, 1e+22, -0.0, nan, inf, -inf; integral values
                                                keep ".0" so that the type survives a round trip through text */
size_t aip__format_date(char *out, int32_t days);
size_t aip__format_timestamp(char *out, int64_t micros, bool utc); /* 2013-01-01T05:00:00[.ffffff][Z] */
size_t aip__format_decimal(char *out, int64_t v, int32_t scale);

/* Calendar (proleptic Gregorian; Hinnant's days_from_civil). */
int64_t aip__days_from_civil(int64_t year, int32_t month, int32_t day);
int32_t aip__days_in_month(int64_t year, int32_t month);
void aip__civil_from_days(int64_t days, int64_t *year, int32_t *month, int32_t *day);

/* The type lattice of inference: nothing < bool; nothing < int64 < float64; nothing < date32 < timestamp; two that do not meet join to utf8. */
int32_t aip__infer_text(const char *s, size_t n,
                        char decimal); /* AIP_BOOL, AIP_INT64, AIP_FLOAT64, AIP_DATE32, AIP_TIMESTAMP, AIP_UTF8; 0 for "" */
int32_t aip__infer_join(int32_t a, int32_t b);

#endif
