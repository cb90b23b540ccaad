/* Arrow schemas: lines of "name<TAB>format[<TAB>format of the dictionary]". Whatever they hold: no crash, no leak, an error that says what; what
 * is accepted goes out again and comes back equal. */
#include "data/arrow.h"
#include "fuzz.h"

#define MAX_COLUMNS 32

static void release(struct ArrowSchema *s) { s->release = NULL; }

/* Cuts a line into at most 3 terminated parts; returns where the next one starts, NULL at the end. */
static char *cut(char *line, char *parts[3]) {
    char *next = strchr(line, '\n');
    if (next) *next++ = 0;
    for (int i = 0; i < 3; i++) {
        parts[i] = line;
        if (line) line = strchr(line, '\t');
        if (line) *line++ = 0;
    }
    return next;
}

static void hold_round_trip(aip_context *ctx, const aip_schema *s) {
    struct ArrowSchema out = {0};
    aip_schema *again = NULL;
    if (aip__arrow_export_schema(s, &out, NULL) != AIP_OK) abort();
    if (aip__arrow_import_schema(ctx, &out, &again, NULL) != AIP_OK || !aip__schema_equal(s, again)) abort();
    out.release(&out);
    aip_schema_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static fuzz_host host;
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)256 << 20);
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    char *text = malloc(size + 1);
    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = 0;
    struct ArrowSchema columns[MAX_COLUMNS], dictionaries[MAX_COLUMNS], *children[MAX_COLUMNS];
    int64_t n = 0;
    for (char *line = text; line && n < MAX_COLUMNS; n++) {
        char *parts[3] = {NULL, NULL, NULL};
        line = cut(line, parts);
        columns[n] = (struct ArrowSchema){.name = parts[0], .format = parts[1], .flags = n % 4, .release = release};
        dictionaries[n] = (struct ArrowSchema){.format = parts[2], .release = release};
        if (parts[2]) columns[n].dictionary = &dictionaries[n];
        children[n] = &columns[n];
    }
    struct ArrowSchema schema = {.format = "+s", .n_children = n, .children = children, .release = release};
    aip_schema *s = NULL;
    aip_error *err = NULL;
    if (aip__arrow_import_schema(ctx, &schema, &s, &err) == AIP_OK)
        hold_round_trip(ctx, s);
    else if (!aip_error_message(err)[0])
        abort();
    aip_error_free(err);
    aip_schema_free(s);
    free(text);
    fuzz_end(&host);
    return 0;
}
