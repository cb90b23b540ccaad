/* A checkpoint is one JSON file, always replaced as a whole:
 *
 *   {"checkpoint": 1, "sequence": 2, "output": "/d/out.csv", "columns": [...], "files": [{path, size, modified, offset, line, head, tail}, ...],
 *    "pending": null | {"output": "/d/out-00000003.csv", "files": [...]}}
 *
 * `output` is what the numbered outputs are parts of; files of earlier versions do not say it, until the next output.
 * `files` is how far outputs 1 .. sequence hold the files. An output is committed by one rename, its own; what the checkpoint would be after it is
 * written before it, as `pending`, together with the output's place. Whoever loads a checkpoint with a pending output looks whether that
 * output is there: then it counts, else it never was. So the process may end at any moment. An output that is there is never written again. */
#include "connectors/checkpoint.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/document.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/memory.h"
#include "data/schema.h"
#include "data/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define MAX_FILES ((size_t)60000) /* with those of the pending output: a document has at most a million nodes, 15 of each file */

typedef struct column {
    char *from, *name, type[32];
} column;

typedef struct file_list { /* ascending by path */
    aip__checkpoint_file *items;
    size_t n, capacity;
} file_list;

struct aip__checkpoint {
    aip_context *ctx;
    char *path;
    bool is_new;
    int64_t sequence; /* of the last output that counts; 0: none */
    int64_t planned;  /* of the output that comes next, as loaded */
    column *columns;
    int32_t n_columns;
    file_list files, next; /* as read; what the next output adds or moves on */
    uint8_t loaded[32];    /* digest of the file as loaded */
    aip__lock lock;        /* of `writing`, `written` and `place` */
    bool writing, written;
    int held;      /* lock among processes; -1: not held */
    char *output;  /* without its number; NULL: not known yet */
    bool proposed; /* by a write that has not come to its end */
    char *part;
    char *place; /* of the written output, for people; set once */
};

static void files_clear(aip_context *ctx, file_list *l) {
    for (size_t i = 0; i < l->n; i++) aip__free(ctx, l->items[i].path);
    aip__free(ctx, l->items);
    *l = (file_list){0};
}

void aip__checkpoint_free(aip__checkpoint *c) {
    if (!c) return;
    aip_context *ctx = c->ctx;
    for (int32_t i = 0; c->columns && i < c->n_columns; i++) {
        aip__free(ctx, c->columns[i].from);
        aip__free(ctx, c->columns[i].name);
    }
    aip__free(ctx, c->columns);
    files_clear(ctx, &c->files);
    files_clear(ctx, &c->next);
    aip__file_unlock(ctx, c->held);
    aip__lock_destroy(ctx, &c->lock);
    aip__free(ctx, c->output);
    aip__free(ctx, c->part);
    aip__free(ctx, c->place);
    aip__free(ctx, c->path);
    aip__free(ctx, c);
}

/* ---- files --------------------------------------------------------------------------------------------------------------------------------- */

static const aip__checkpoint_file *find(const file_list *l, const char *path, size_t *at) {
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(l->items[mid].path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (at) *at = low;
    return low < l->n && strcmp(l->items[low].path, path) == 0 ? &l->items[low] : NULL;
}

/* Adds it in its place, or replaces what is there. */
static int32_t put(aip_context *ctx, file_list *l, const aip__checkpoint_file *file, aip_error **err) {
    size_t at = 0;
    aip__checkpoint_file *there = (aip__checkpoint_file *)(uintptr_t)find(l, file->path, &at);
    if (there) {
        char *path = there->path;
        *there = *file;
        there->path = path;
        return AIP_OK;
    }
    char *path = aip__strdup(ctx, file->path);
    if (!path || aip__grow(ctx, &l->items, &l->capacity, l->n + 1, sizeof *l->items) != 0) {
        aip__free(ctx, path);
        return aip__error_memory(ctx, err);
    }
    memmove(&l->items[at + 1], &l->items[at], (l->n - at) * sizeof *l->items);
    l->items[at] = *file;
    l->items[at].path = path;
    l->n++;
    return AIP_OK;
}

static int32_t put_all(aip_context *ctx, file_list *into, const file_list *from, aip_error **err) {
    for (size_t i = 0; i < from->n; i++) AIP__TRY(put(ctx, into, &from->items[i], err));
    return AIP_OK;
}

/* ---- text to state --------------------------------------------------------------------------------------------------------------------------- */

static int32_t not_one(const char *why, aip_error **err) {
    return aip__error_set(err, AIP_E_DATA, "not a checkpoint: %s (start again: remove it, and what was written with it)", why);
}

static bool get_int(const aip__node *map, const char *key, int64_t least, int64_t *out) {
    const aip__node *v = aip__node_get(map, key);
    if (!v || v->kind != AIP__INT || v->integer < least) return false;
    *out = v->integer;
    return true;
}

static const char *get_text(const aip__node *map, const char *key, size_t most) {
    const aip__node *v = aip__node_get(map, key);
    return v && v->kind == AIP__STRING && v->length <= most && strlen(v->string) == v->length ? v->string : NULL;
}

static int32_t parse_files(aip_context *ctx, const aip__node *list, file_list *out, aip_error **err) {
    if (!list || list->kind != AIP__LIST) return not_one("expected a list of files", err);
    for (int32_t i = 0; i < list->n; i++) {
        const aip__node *n = list->items[i];
        const char *path = get_text(n, "path", SIZE_MAX), *head = get_text(n, "head", AIP__PRINT_BYTES - 1),
                   *tail = get_text(n, "tail", AIP__PRINT_BYTES - 1);
        aip__checkpoint_file f = {.path = (char *)(uintptr_t)path};
        if (!path || *path != '/' || !head || !tail || !get_int(n, "size", 0, &f.size)
            || !get_int(n, "modified", INT64_MIN, &f.modified) || !get_int(n, "offset", -1, &f.offset)
            || !get_int(n, "line", 0, &f.line) || f.offset > f.size)
            return not_one("a file in it is not described as expected", err);
        snprintf(f.head, sizeof f.head, "%s", head);
        snprintf(f.tail, sizeof f.tail, "%s", tail);
        AIP__TRY(put(ctx, out, &f, err));
    }
    return AIP_OK;
}

static int32_t parse_columns(aip__checkpoint *c, const aip__node *list, aip_error **err) {
    if (!list || list->kind != AIP__LIST) return not_one("expected a list of columns", err);
    c->columns = aip__calloc(c->ctx, (size_t)list->n + 1, sizeof *c->columns);
    if (!c->columns) return aip__error_memory(c->ctx, err);
    for (; c->n_columns < list->n; c->n_columns++) {
        const aip__node *n = list->items[c->n_columns];
        const char *from = get_text(n, "from", SIZE_MAX), *name = get_text(n, "name", SIZE_MAX), *type = get_text(n, "type", 31);
        if (!from || !name || !type) return not_one("a column in it is not described as expected", err);
        column *col = &c->columns[c->n_columns];
        col->from = aip__strdup(c->ctx, from);
        col->name = aip__strdup(c->ctx, name);
        snprintf(col->type, sizeof col->type, "%s", type);
        if (!col->from || !col->name) {
            c->n_columns++; /* so that both are freed */
            return aip__error_memory(c->ctx, err);
        }
    }
    return AIP_OK;
}

static int32_t parse_output(aip__checkpoint *c, const aip__node *output, aip_error **err) {
    if (!output) return AIP_OK;
    if (output->kind != AIP__STRING || output->length == 0 || strlen(output->string) != output->length)
        return not_one("its output is not the name of a file", err);
    c->output = aip__strdup(c->ctx, output->string);
    return c->output ? AIP_OK : aip__error_memory(c->ctx, err);
}

/* An output that stands in its place counts. */
static int32_t parse_pending(aip__checkpoint *c, const aip__node *pending, bool *counts, aip_error **err) {
    file_list files = {0};
    if (!pending || pending->kind == AIP__NULL) return AIP_OK;
    const char *output = get_text(pending, "output", SIZE_MAX);
    if (!output) return not_one("the pending output has no place", err);
    int32_t status = aip__path_exists(c->ctx, output, counts, err);
    if (status == AIP_OK) status = parse_files(c->ctx, aip__node_get(pending, "files"), &files, err);
    if (status == AIP_OK && *counts) {
        c->sequence++;
        status = put_all(c->ctx, &c->files, &files, err);
    }
    files_clear(c->ctx, &files);
    return status;
}

static int32_t parse(aip__checkpoint *c, const char *text, size_t n, bool *adopted, aip_error **err) {
    aip__document *d = NULL;
    int64_t version = 0;
    AIP__TRY(aip__json_parse(c->ctx, text, n, c->path, &d, err));
    const aip__node *root = aip__document_root(d);
    int32_t status = AIP_OK;
    if (!get_int(root, "checkpoint", 1, &version) || !get_int(root, "sequence", 0, &c->sequence)
        || c->sequence >= INT64_MAX - 1) /* a pending output counts one, and the next to be planned another */
        status = not_one("expected {\"checkpoint\": 1, \"sequence\": ...}", err);
    else if (version != 1)
        status = aip__error_set(err, AIP_E_DATA, "the checkpoint is of format %lld: this version reads 1", (long long)version);
    if (status == AIP_OK) status = parse_output(c, aip__node_get(root, "output"), err);
    if (status == AIP_OK) status = parse_columns(c, aip__node_get(root, "columns"), err);
    if (status == AIP_OK) status = parse_files(c->ctx, aip__node_get(root, "files"), &c->files, err);
    if (status == AIP_OK) status = parse_pending(c, aip__node_get(root, "pending"), adopted, err);
    aip__document_free(d);
    return status;
}

/* ---- state to text ----------------------------------------------------------------------------------------------------------------------------- */

static void add_string(aip__text *t, const char *key, const char *value) {
    aip__text_printf(t, "\"%s\": ", key);
    aip__text_json(t, value, strlen(value));
}

static void add_files(aip__text *t, const file_list *l, const char *indent) {
    aip__text_char(t, '[');
    for (size_t i = 0; i < l->n; i++) {
        const aip__checkpoint_file *f = &l->items[i];
        aip__text_printf(t, "%s\n%s{", i > 0 ? "," : "", indent);
        add_string(t, "path", f->path);
        aip__text_printf(t, ", \"size\": %lld, \"modified\": %lld, \"offset\": %lld, \"line\": %lld, ", (long long)f->size,
                         (long long)f->modified, (long long)f->offset, (long long)f->line);
        add_string(t, "head", f->head);
        aip__text_str(t, ", ");
        add_string(t, "tail", f->tail);
        aip__text_char(t, '}');
    }
    aip__text_char(t, ']');
}

static void write_state(const aip__checkpoint *c, const char *pending, aip__text *t) {
    aip__text_printf(t, "{\"checkpoint\": 1, \"sequence\": %lld,\n ", (long long)c->sequence);
    if (c->output) add_string(t, "output", c->output);
    aip__text_str(t, c->output ? ",\n \"columns\": [" : "\"columns\": [");
    for (int32_t i = 0; i < c->n_columns; i++) {
        aip__text_str(t, i > 0 ? ",\n  {" : "\n  {");
        add_string(t, "from", c->columns[i].from);
        aip__text_str(t, ", ");
        add_string(t, "name", c->columns[i].name);
        aip__text_str(t, ", ");
        add_string(t, "type", c->columns[i].type);
        aip__text_char(t, '}');
    }
    aip__text_str(t, "],\n \"files\": ");
    add_files(t, &c->files, "  ");
    if (pending) {
        aip__text_str(t, ",\n \"pending\": {");
        add_string(t, "output", pending);
        aip__text_str(t, ",\n  \"files\": ");
        add_files(t, &c->next, "   ");
        aip__text_str(t, "}}\n");
    } else {
        aip__text_str(t, ",\n \"pending\": null}\n");
    }
}

static void digest(const char *bytes, size_t n, uint8_t out[32]) {
    aip__sha256 s;
    aip__sha256_init(&s);
    aip__sha256_add(&s, bytes, n);
    aip__sha256_end(&s, out);
}

/* Replaces the file; it is durable when this returns. */
static int32_t save(aip__checkpoint *c, const char *pending, aip_error **err) {
    aip__text t;
    aip__file_out file = {.fd = -1};
    aip__text_init(&t, c->ctx);
    write_state(c, pending, &t);
    int32_t status = t.failed ? aip__error_memory(c->ctx, err) : AIP_OK;
    if (status == AIP_OK && t.n > MAX_BYTES)
        status = aip__error_set(err, AIP_E_DATA,
                                "a checkpoint of so many files is not possible: it would have %zu bytes, at most %zu are read",
                                t.n, MAX_BYTES);
    if (status == AIP_OK) status = aip__file_create(c->ctx, c->path, &file, err);
    if (status == AIP_OK) {
        status = aip__file_write(&file, t.bytes, t.n, err);
        if (status == AIP_OK)
            status = aip__file_commit(&file, err);
        else
            aip__file_abandon(&file);
    }
    if (status == AIP_OK) digest(t.bytes, t.n, c->loaded);
    aip__text_free(&t);
    aip__error_at_source(err, c->path);
    return status;
}

/* ---- load -------------------------------------------------------------------------------------------------------------------------------------- */

static int32_t lock_file(const aip__checkpoint *c, int *fd, aip_error **err) {
    aip__text t;
    char *path = NULL;
    aip__text_init(&t, c->ctx);
    aip__text_printf(&t, "%s.lock", c->path);
    AIP__TRY(aip__text_take(&t, &path, NULL, err));
    int32_t status = aip__file_lock(c->ctx, path, fd, err);
    aip__free(c->ctx, path);
    return status;
}

/* The file's digest as it now is; of none: that of no bytes. */
static int32_t read_file(const aip__checkpoint *c, char **text, size_t *n, aip_error **err) {
    bool there = false;
    *text = NULL;
    *n = 0;
    AIP__TRY(aip__path_exists(c->ctx, c->path, &there, err));
    return there ? aip__file_load(c->ctx, c->path, MAX_BYTES, text, n, err) : AIP_OK;
}

/* That the pending output counts is written down at once, where no other run is at work: then the output may be moved away. */
static int32_t adopt(aip__checkpoint *c, aip_error **err) {
    char *text = NULL;
    size_t n = 0;
    uint8_t now[32];
    int fd = -1;
    AIP__TRY(lock_file(c, &fd, err));
    if (fd < 0) return AIP_OK;
    int32_t status = read_file(c, &text, &n, err);
    if (status == AIP_OK) {
        digest(text ? text : "", n, now);
        if (memcmp(now, c->loaded, sizeof now) == 0) status = save(c, NULL, err);
    }
    aip__free(c->ctx, text);
    aip__file_unlock(c->ctx, fd);
    return status;
}

static int32_t load(aip__checkpoint *c, aip_error **err) {
    char *text = NULL;
    size_t n = 0;
    bool adopted = false;
    AIP__TRY(read_file(c, &text, &n, err));
    c->is_new = text == NULL;
    digest(text ? text : "", n, c->loaded);
    int32_t status = text ? parse(c, text, n, &adopted, err) : AIP_OK;
    aip__free(c->ctx, text);
    if (status == AIP_OK && adopted) status = adopt(c, err);
    if (status == AIP_OK) c->planned = c->sequence + 1;
    if (status != AIP_OK) aip__error_at_source(err, c->path);
    return status;
}

int32_t aip__checkpoint_load(aip_context *ctx, const char *path, aip__checkpoint **out, aip_error **err) {
    aip__checkpoint *c = aip__calloc(ctx, 1, sizeof *c);
    if (!c) return aip__error_memory(ctx, err);
    c->ctx = ctx;
    c->held = -1;
    aip__lock_init(ctx, &c->lock);
    c->path = aip__strdup(ctx, path);
    int32_t status = c->path ? load(c, err) : aip__error_memory(ctx, err);
    if (status != AIP_OK) {
        aip__checkpoint_free(c);
        return status;
    }
    *out = c;
    return AIP_OK;
}

/* ---- what it says -------------------------------------------------------------------------------------------------------------------------------- */

bool aip__checkpoint_is_new(const aip__checkpoint *c) { return c->is_new; }
const char *aip__checkpoint_path(const aip__checkpoint *c) { return c->path; }
int64_t aip__checkpoint_sequence(const aip__checkpoint *c) { return c->planned; }
bool aip__checkpoint_moved(const aip__checkpoint *c) { return c->next.n > 0; }
int32_t aip__checkpoint_n_columns(const aip__checkpoint *c) { return c->n_columns; }

const char *aip__checkpoint_column(const aip__checkpoint *c, int32_t i, const char **name, const char **type) {
    if (name) *name = c->columns[i].name;
    if (type) *type = c->columns[i].type;
    return c->columns[i].from;
}

const aip__checkpoint_file *aip__checkpoint_find(const aip__checkpoint *c, const char *path) {
    return find(&c->files, path, NULL);
}

/* JSON holds UTF-8 alone: another path would be known by another name when the checkpoint is loaded. */
static int32_t check_path(const char *path, aip_error **err) {
    if (aip__utf8_valid(path, strlen(path))) return AIP_OK;
    aip__error_set(err, AIP_E_UNSUPPORTED, "a checkpoint needs paths in UTF-8");
    aip__error_at_source(err, path);
    return AIP_E_UNSUPPORTED;
}

int32_t aip__checkpoint_advance(aip__checkpoint *c, const aip__checkpoint_file *file, aip_error **err) {
    AIP__TRY(check_path(file->path, err));
    if (find(&c->next, file->path, NULL))
        return aip__error_set(err, AIP_E_PARAM, "checkpoint: '%s' stands in path twice", file->path);
    return put(c->ctx, &c->next, file, err);
}

/* The last dot of a name before `end` that is not its first byte; NULL: none. */
static const char *last_dot(const char *name, const char *end) {
    while (end > name + 1)
        if (*--end == '.') return end;
    return NULL;
}

char *aip__checkpoint_part(const aip__checkpoint *c, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end = name + strlen(name),
               *dot = last_dot(name, end);
    bool packed =
        dot && ((end - dot == 3 && aip__same_word(dot, ".gz", 3)) || (end - dot == 4 && aip__same_word(dot, ".zst", 4)));
    const char *before = packed ? last_dot(name, dot) : NULL, *at = before ? before : dot ? dot : end;
    aip__text t;
    char *out = NULL;
    aip__text_init(&t, c->ctx);
    aip__text_add(&t, path, (size_t)(at - path));
    aip__text_printf(&t, "-%08lld%s", (long long)aip__checkpoint_sequence(c), at);
    return aip__text_take(&t, &out, NULL, NULL) == AIP_OK ? out : NULL;
}

void aip__checkpoint_type(const aip_field *field, char out[32]) {
    if (field->type == AIP_DECIMAL64)
        snprintf(out, 32, "decimal64(%d)", (int)field->scale);
    else
        snprintf(out, 32, "%s%s", aip_type_name(field->type), field->type == AIP_TIMESTAMP && field->zone ? "[UTC]" : "");
}

int32_t aip__checkpoint_set_columns(aip__checkpoint *c, char *const *from, const aip_schema *schema, aip_error **err) {
    c->columns = aip__calloc(c->ctx, (size_t)schema->n + 1, sizeof *c->columns);
    if (!c->columns) return aip__error_memory(c->ctx, err);
    for (c->n_columns = 0; c->n_columns < schema->n;) {
        column *col = &c->columns[c->n_columns];
        col->from = aip__strdup(c->ctx, from[c->n_columns]);
        col->name = aip__strdup(c->ctx, schema->fields[c->n_columns].name);
        aip__checkpoint_type(&schema->fields[c->n_columns++], col->type);
        if (!col->from || !col->name) return aip__error_memory(c->ctx, err);
    }
    return AIP_OK;
}

void aip__checkpoint_set_written(aip__checkpoint *c, char *path) {
    aip__lock_take(c->ctx, &c->lock);
    c->place = path; /* there is one output */
    aip__lock_leave(&c->lock);
}

const char *aip__checkpoint_written(aip__checkpoint *c) {
    aip__lock_take(c->ctx, &c->lock);
    const char *path = c->place;
    aip__lock_leave(&c->lock);
    return path;
}

/* ---- around an output -------------------------------------------------------------------------------------------------------------------------------- */

/* This dataset's one output. */
static int32_t claim(aip__checkpoint *c, aip_error **err) {
    aip__lock_take(c->ctx, &c->lock);
    bool busy = c->writing || c->written;
    if (!busy) c->writing = true;
    aip__lock_leave(&c->lock);
    if (!busy) return AIP_OK;
    return aip__error_set(err, AIP_E_STATE, "the rows since checkpoint '%s' go to one output: another write has them", c->path);
}

static int32_t check_own(aip__checkpoint *c, const char *part, aip_error **err) {
    char *text = NULL;
    size_t n = 0;
    uint8_t now[32];
    bool there = false;
    AIP__TRY(lock_file(c, &c->held, err));
    if (c->held < 0)
        return aip__error_set(err, AIP_E_STATE, "another run is writing with checkpoint '%s': try again when it has ended",
                              c->path);
    AIP__TRY(read_file(c, &text, &n, err));
    digest(text ? text : "", n, now);
    aip__free(c->ctx, text);
    if (memcmp(now, c->loaded, sizeof now) != 0)
        return aip__error_set(err, AIP_E_CHANGED,
                              "another run has moved checkpoint '%s' since these files were looked at: run again", c->path);
    AIP__TRY(aip__path_exists(c->ctx, part, &there, err));
    if (there)
        return aip__error_set(
            err, AIP_E_STATE,
            "output '%s' is there, but checkpoint '%s' does not know it: move the outputs of an earlier checkpoint away", part,
            c->path);
    return AIP_OK;
}

/* The rows of one checkpoint go to one output, part by part; which one is open until a part counts. */
static int32_t check_output(aip__checkpoint *c, const char *output, aip_error **err) {
    if (c->output && strcmp(c->output, output) == 0) return AIP_OK;
    if (c->output && c->sequence > 0)
        return aip__error_set(
            err, AIP_E_STATE,
            "checkpoint '%s' counts what stands in the parts of '%s': expected that output, found '%s' (another "
            "output needs a checkpoint of its own; where the parts were moved, write their new place as \"output\" into the checkpoint)",
            c->path, c->output, output);
    aip__free(c->ctx, c->output);
    c->output = aip__strdup(c->ctx, output);
    c->proposed = true;
    return c->output ? AIP_OK : aip__error_memory(c->ctx, err);
}

int32_t aip__checkpoint_begin(aip__checkpoint *c, const char *output, const char *part, aip_error **err) {
    AIP__TRY(claim(c, err));
    int32_t status = check_path(part, err);
    if (status == AIP_OK) status = check_output(c, output, err);
    if (status == AIP_OK && c->files.n + c->next.n > MAX_FILES)
        status = aip__error_set(
            err, AIP_E_DATA,
            "checkpoint '%s' would hold %zu files: expected at most %zu; join small ones, or use several checkpoints", c->path,
            c->files.n + c->next.n, MAX_FILES);
    if (status == AIP_OK) status = aip__make_folders(c->ctx, c->path, err);
    if (status == AIP_OK) status = check_own(c, part, err);
    if (status == AIP_OK && !(c->part = aip__strdup(c->ctx, part))) status = aip__error_memory(c->ctx, err);
    if (status != AIP_OK) aip__checkpoint_end(c);
    return status;
}

int32_t aip__checkpoint_prepare(aip__checkpoint *c, aip_error **err) { return save(c, c->part, err); }

int32_t aip__checkpoint_commit(aip__checkpoint *c, aip_error **err) {
    aip__lock_take(c->ctx, &c->lock);
    c->written = true; /* whatever comes: the output is there */
    aip__lock_leave(&c->lock);
    AIP__TRY(put_all(c->ctx, &c->files, &c->next, err));
    c->sequence++;
    c->proposed = false;
    return save(c, NULL, err);
}

void aip__checkpoint_end(aip__checkpoint *c) {
    aip__file_unlock(c->ctx, c->held);
    c->held = -1;
    aip__free(c->ctx, c->part);
    c->part = NULL;
    if (c->proposed) aip__free(c->ctx, c->output), c->output = NULL;
    c->proposed = false;
    aip__lock_take(c->ctx, &c->lock);
    c->writing = false;
    aip__lock_leave(&c->lock);
}
