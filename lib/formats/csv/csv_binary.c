/* Bytes that are no text, in words: other formats told by the numbers that their files start with, and control bytes. A file that starts like a
 * workbook or a database is refused before anything is made of it; of any other file only once its first record cannot be read. */
#include "formats/csv/csv.h"

#include <string.h>

typedef struct magic {
    const char *bytes;
    size_t n;
    bool is_text; /* these could start a text: only together with bytes that are none */
    const char *what;
} magic;

static const magic magics[] = {
    {"PK\x03\x04", 4, false, "a ZIP archive, as .xlsx and .ods workbooks are: save the sheet as CSV, or unpack it"},
    {"PK\x05\x06", 4, false, "an empty ZIP archive"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, false,
     "a workbook or document of old Microsoft Office (.xls): save the sheet as CSV"},
    {"SQLite format 3\0", 16, false, "a SQLite database"},
    {"\xfd"
     "7zXZ\0",
     6, false, "xz: unpack it first (xz -d)"},
    {"7z\xbc\xaf\x27\x1c", 6, false, "a 7-Zip archive: unpack it first"},
    {"\x04\x22\x4d\x18", 4, false, "LZ4: unpack it first (lz4 -d)"},
    {"\xff\x06\0\0sNaPpY", 10, false, "framed Snappy: unpack it first"},
    {"Obj\x01", 4, false, "an Avro file"},
    {"ARROW1\0\0", 8, false, "an Arrow IPC file: set format: arrow"},
    {"\x89HDF\r\n\x1a\n", 8, false, "an HDF5 file"},
    {"\x93NUMPY", 6, false, "a NumPy array (.npy)"},
    {"\x89PNG\r\n\x1a\n", 8, false, "a PNG image"},
    {"BZh", 3, true, "bzip2: unpack it first (bzip2 -d)"},
    {"PAR1", 4, true, "a Parquet file"},
    {"ORC", 3, true, "an ORC file"},
    {"%PDF-", 5, true, "a PDF document"},
};

/* Control bytes that stand in no text: all but tab, line feed, vertical tab, form feed, carriage return, escape and the end mark of DOS. */
static bool is_control(unsigned char c) { return c < 9 || (c > 13 && c < 0x20 && c != 0x1a && c != 0x1b) || c == 0x7f; }

/* One byte of twenty: a single one may stray into a text. NULs between quotes are not counted: there they are text. */
static bool is_full_of_controls(const char *s, size_t n, int delimiter, int quote) {
    size_t controls = 0;
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)s[i];
        if (c == quote) inside = !inside;
        controls += is_control((unsigned char)c) && c != delimiter && !(inside && c == 0);
    }
    return 20 * controls >= n;
}

static const char *first_control(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (is_control((unsigned char)s[i])) return s + i;
    return NULL;
}

int32_t aip__csv_check_text(const char *sample, size_t n, aip_error **err) {
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const magic *m = &magics[i];
        if (n < m->n || memcmp(sample, m->bytes, m->n) != 0 || (m->is_text && !first_control(sample, n))) continue;
        return aip__error_set(err, AIP_E_DATA, "expected text, found %s", m->what);
    }
    return AIP_OK;
}

int32_t aip__csv_check_controls(const char *sample, size_t n, const aip__csv_dialect *d, aip_error **err) {
    if (n < 256 || !is_full_of_controls(sample, n, (unsigned char)d->delimiter, d->quote))
        return AIP_OK; /* a few bytes say little */
    return aip__error_set(
        err, AIP_E_DATA,
        "expected text, found control bytes such as 0x%02x all over it: is it encrypted, compressed or of another format?",
        (unsigned char)*first_control(sample, n));
}

int32_t aip__csv_no_text(const char *record, size_t n, int64_t offset, aip_error **err) {
    const char *at = first_control(record, n);
    if (!at || (!memchr(record, 0, n) && !is_full_of_controls(record, n, -1, -1))) return AIP_OK;
    aip__error_set(
        err, AIP_E_DATA,
        "expected text with column names, found byte 0x%02x at offset %lld: is it compressed, of another format, or UTF-16 (set "
        "encoding: auto)?",
        (unsigned char)*at, (long long)(offset + (at - record)));
    return AIP_E_DATA;
}
