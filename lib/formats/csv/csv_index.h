/* The structural kernels: where fields and records end, found 64 bytes at a time.
 *
 * Bytes are compared to masks; a running parity of quotes (by carry-less multiplication) tells what stands inside of them. Parity alone is
 * right only for regular text, so each 64 bytes are checked: every opening quote must stand where a field starts, and behind every closing one
 * must come the delimiter, a record's end or another quote. What is not so (a quote inside an unquoted field, text behind a closing quote, a
 * record that starts with the comment character, an escape character) stops the kernel in front of these 64 bytes; everything that it found
 * before is exact. The record that was under way is then for aip__csv_scan_record, which defines what records are, and the kernel goes on
 * behind it. Text that is cut into items is marked as it is looked at, so that a worker has its index from the marks alone. After Langdale and
 * Lemire, "Parsing gigabytes of JSON per second" (2019). */
#ifndef AIPIPE_LIB_FORMATS_CSV_INDEX_H
#define AIPIPE_LIB_FORMATS_CSV_INDEX_H

#include "formats/csv/csv.h"

typedef struct aip__csv_found { /* by index: ends of fields */
    uint32_t n_ends;
    uint32_t n_records; /* ends that are line feeds */
    uint32_t seen;      /* bytes looked at: all ends in them are given */
    bool irregular;     /* stopped there because what follows is not regular */
} aip__csv_found;

typedef struct aip__csv_cut { /* by cut: whole records */
    size_t n;                 /* bytes of them */
    int64_t n_records;        /* line feeds that end one */
    int64_t n_lines;          /* all line feeds in them */
    bool full, irregular;     /* why it stopped before the end of the text, if it did */
} aip__csv_cut;

typedef struct aip__csv_kernels {
    const char *name;
    /* Offsets in text[0..n) of delimiters and line feeds outside quotes to ends[], which has room for max_ends >= 64. text is the start of a
     * record, with 64 readable bytes behind it. Stops in front of 64 bytes whose ends may not fit. */
    void (*index)(const aip__csv_dialect *d, const char *text, uint32_t n, uint32_t *ends, uint32_t max_ends,
                  aip__csv_found *out);
    /* The whole records of text[0..n), at most max_records of them, with 64 readable bytes behind it. Marks have room for n bytes: a word for
     * each 64 begun, a sum for each whole stretch; those of the records that are found are right. */
    void (*cut)(const aip__csv_dialect *d, const char *text, size_t n, int64_t max_records, const aip__csv_marks *marks,
                aip__csv_cut *out);
    /* The marks of bytes [from, to) as offsets from `from` to ends[], which has room for 64 more than there are; returns how many. */
    uint32_t (*ends)(const uint64_t *marks, size_t from, size_t to, uint32_t *ends);
} aip__csv_kernels;

/* Of the level in force. */
const aip__csv_kernels *aip__csv_kernels_now(void);

#endif
