/* What tests of formats and connectors share: a context that knows both, temporary files, and a table as text, so that a test can state what it
 * expects as one string. */
#ifndef AIPIPE_TESTS_TABLE_FIXTURE_H
#define AIPIPE_TESTS_TABLE_FIXTURE_H

#include "unit.h"

#include "connectors/connectors.h"
#include "data/dataset.h"
#include <aipipe/data.h>
#include <string.h>

#define N_TABLE_WORKERS 4
extern const int32_t table_workers[N_TABLE_WORKERS]; /* 0, 1, 2, 8 */

aip_context *table_context(int32_t n_workers); /* unit_workers(n_workers); the others exactly n_workers */
aip_context *table_context_limited(int32_t n_workers, uint64_t memory_limit);
/* The host's allocator, which refuses the allocation that comes after `allow` others from now on (and each one after it); -1: none. */
aip_context *table_context_refusing(int32_t n_workers);
void table_refuse_after(int64_t allow);
void table_context_free(aip_context *ctx); /* holds that nothing is left */
/* What was logged since the last table_context, a line each; "" when nothing was. */
const char *table_log(void);

/* A file in a folder of the test's own. The returned path is static to the name: call free. */
char *table_file(const char *name, const void *bytes, size_t n);
char *table_path(const char *name);
void table_files_remove(void);

/* {"path": path, EXTRA}; extra: JSON members without braces, or NULL. */
int32_t table_read(aip_context *ctx, const char *path, const char *extra, aip_dataset **out, aip_error **err);
/* "name:type name:type\n" and a line for each row; cells parted by |, null as ~, text in single quotes. free() it. */
char *table_text(aip_dataset *d); /* NULs in texts as \0 */
/* Reads CSV text and holds that it is this table. */
void table_check(const char *csv, const char *extra, const char *expected);
/* Reads CSV text wholly and holds that it fails so. */
void table_check_fails(const char *csv, const char *extra, int32_t status, const char *text);

#endif
