/* Finding out the dialect of a sample of text.
 *
 *   csv_detect_cells.c  one record of the sample under one dialect: its cells, and what each looks like
 *   csv_detect.c        the dialects tried, their scores, and then what hangs on the best: comments, lines before the header, header, decimal
 *
 * The score of a dialect is consistency x columns x types x quotes (van den Burg, Nazabal, Sutton 2019, "Wrangling messy CSV files by detecting
 * row and type patterns": how alike the rows are, times how many cells look like something):
 *   consistency  part of the records that have the commonest number of cells; lines before the table are not counted
 *   columns      1 - 1 / that number
 *   types        mean worth of the cells: 1 for numbers, times and addresses, down to 0.1 for text with another delimiter in it
 *   quotes       less the more quoted cells do not end as they should
 * Only the sample counts, so nothing depends on how the file is read later. */
#ifndef AIPIPE_LIB_FORMATS_CSV_DETECT_H
#define AIPIPE_LIB_FORMATS_CSV_DETECT_H

#include "formats/csv/csv.h"

/* ---- one record -------------------------------------------------------------------------------------------------------------------------- */
typedef enum {
    AIP__LOOKS_EMPTY,
    AIP__LOOKS_NUMBER,
    AIP__LOOKS_TIME,
    AIP__LOOKS_BOOL,
    AIP__LOOKS_ADDRESS,
    AIP__LOOKS_WORD,
    AIP__LOOKS_TEXT
} aip__looks;

typedef struct aip__detect_record {
    const char *next;           /* where the next one starts */
    int32_t n_cells, n_filled;  /* not empty or blank */
    int32_t n_quoted, n_broken; /* quoted cells; those that do not end as they should */
    int32_t n_commas, n_points; /* numbers with a decimal comma, point */
    double worth;               /* sum over the cells */
    bool complete;              /* it ends within the sample */
} aip__detect_record;

/* A sample under one dialect, and what is known of it, so that no byte is looked at again and again: a quoted cell that is open at a byte of
 * [from, to) which is neither a quote nor escaped does not end either, and the last broken quote in there is `broken`. */
typedef struct aip__detect_text {
    const aip__csv_dialect *dialect;
    const char *end;
    bool whole; /* nothing follows `end` */
    const char *from, *to, *broken;
} aip__detect_text;

typedef struct aip__detect_cell {
    uint64_t hash; /* of its text without quotes */
    aip__looks looks;
} aip__detect_cell;

/* The record at p. cells: its first n_kept, or NULL. As the lenient reader would take it. */
void aip__detect_record_at(aip__detect_text *t, const char *p, aip__detect_cell *cells, int32_t n_kept, aip__detect_record *out);
aip__looks aip__looks_of(const char *s, size_t n);

/* ---- the dialect ---------------------------------------------------------------------------------------------------------------------------- */
#define AIP__DETECT_MAX_TRIED 24
typedef struct aip__detect_try {
    char delimiter;
    int quote; /* or -1 */
    char escape;
    int comment; /* or -1; tried with it, which does not say that there are comments */
    int32_t columns, records, quoted, broken;
    double score, consistency, types, quotes;
} aip__detect_try;

typedef struct aip__detected {
    aip__csv_dialect dialect;
    bool header;
    int64_t skip_rows; /* lines before the header */
    int32_t n_columns; /* commonest number of cells; 0: nothing was found */
    int32_t n_tried;   /* best first */
    aip__detect_try tried[AIP__DETECT_MAX_TRIED];
    char why_header[160], why_skip[96], why_comment[96], why_decimal[96];
} aip__detected;

/* What o does not fix (o->given) is found out. whole: the sample is all there is. */
int32_t aip__csv_detect(const aip__csv_options *o, const char *text, size_t n, bool whole, aip__detected *out, aip_error **err);
/* The careful one, which is always on: another delimiter only where o's does not split the first record of the sample, and it splits all records into
 * equally many cells. Where o's is the decimal mark, which was given, it is another one. Errors: AIP_E_PARAM, where the first record has no other one but that. */
int32_t aip__csv_detect_delimiter(const aip__csv_options *o, const char *text, size_t n, bool whole, char *out, aip_error **err);
/* The delimiter and the decimal mark are the same. */
int32_t aip__csv_decimal_splits(const aip__csv_options *o, aip_error **err);

#endif
