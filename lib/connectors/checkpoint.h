/* A checkpoint: how far files were read into which outputs, so that the next run goes on exactly there. */
#ifndef AIPIPE_LIB_CONNECTORS_CHECKPOINT_H
#define AIPIPE_LIB_CONNECTORS_CHECKPOINT_H

#include "base/io.h"
#include "base/text.h"
#include <aipipe/data.h>

typedef struct aip__checkpoint aip__checkpoint;

#define AIP__PRINT_BYTES 65 /* hexadecimal SHA-256 */

/* A file, as far as it was read. */
typedef struct aip__checkpoint_file {
    char *path;             /* absolute, without symbolic links; owned */
    int64_t size, modified; /* as it was then; modified in ns since 1970 */
    int64_t offset, line;   /* of the next record; offset -1: compressed, read whole */
    char head[AIP__PRINT_BYTES],
        tail[AIP__PRINT_BYTES]; /* of the first, and the last, bytes before the offset (of a compressed file: of all) */
} aip__checkpoint_file;

/* Loads it; a file that is not there is a checkpoint of nothing. Where an earlier run ended between putting its output in place and saying so, the
 * output counts. Errors: AIP_E_IO, AIP_E_SYNTAX, AIP_E_DATA (not a checkpoint). */
int32_t aip__checkpoint_load(aip_context *ctx, const char *path, aip__checkpoint **out, aip_error **err);
void aip__checkpoint_free(aip__checkpoint *c);

bool aip__checkpoint_is_new(const aip__checkpoint *c); /* there was none */
const char *aip__checkpoint_path(const aip__checkpoint *c);
int64_t aip__checkpoint_sequence(const aip__checkpoint *c); /* of the output that comes next, from 1 */
/* "DIR/NAME.csv.gz" as that output: "DIR/NAME-00000001.csv.gz". Free with aip__free; NULL: out of memory. */
char *aip__checkpoint_part(const aip__checkpoint *c, const char *path);

/* The columns of its first run: name in the file, name, and type as `types` writes it. Not there when new. */
int32_t aip__checkpoint_n_columns(const aip__checkpoint *c);
const char *aip__checkpoint_column(const aip__checkpoint *c, int32_t i, const char **name, const char **type);
int32_t aip__checkpoint_set_columns(aip__checkpoint *c, char *const *from, const aip_schema *schema, aip_error **err);
/* "int64", "timestamp[UTC]", "decimal64(2)". */
void aip__checkpoint_type(const aip_field *field, char out[32]);

const aip__checkpoint_file *aip__checkpoint_find(const aip__checkpoint *c, const char *path);
/* What the output that comes next will hold too: copied. Errors: AIP_E_PARAM when it is there already, by whatever name; AIP_E_UNSUPPORTED for a path
 * that is not UTF-8. */
int32_t aip__checkpoint_advance(aip__checkpoint *c, const aip__checkpoint_file *file, aip_error **err);
/* Whether anything was advanced, so that an output is due. */
bool aip__checkpoint_moved(const aip__checkpoint *c);

/* Where that output was written, as its writer names it; takes the path over. NULL: it was not. The pointer stays. */
void aip__checkpoint_set_written(aip__checkpoint *c, char *path);
const char *aip__checkpoint_written(aip__checkpoint *c);

/* Around an output, in this order, by one output alone:
 *   begin    this process's, and nobody moved it since it was loaded. part is the numbered one of output. AIP_E_STATE: another run writes
 *            now, this dataset's output was written already, or earlier parts are of another output; AIP_E_CHANGED: another run has
 *            written since
 *   prepare  the output is complete beside its place: says where it will stand. From here to commit, whether the rows count is decided by whether
 *            the output stands in its place
 *   commit   it stands there
 *   end      after all, also on failure */
int32_t aip__checkpoint_begin(aip__checkpoint *c, const char *output, const char *part, aip_error **err);
int32_t aip__checkpoint_prepare(aip__checkpoint *c, aip_error **err);
int32_t aip__checkpoint_commit(aip__checkpoint *c, aip_error **err);
void aip__checkpoint_end(aip__checkpoint *c);

#endif
