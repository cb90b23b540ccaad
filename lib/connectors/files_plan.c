/* From a look at each file to one schema. Columns go by name: the files may order them differently, but must have the same ones, with types that
 * join to more than "some text". Then come the wanted columns, their new names, and the types that the user says. */
#include "connectors/files.h"

#include "base/checked.h"
#include "base/context.h"
#include "base/memory.h"
#include "data/convert.h"
#include "data/schema.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MIN_ROWS_PER_FILE 100
#define FIRST_ROWS 10000 /* that are looked at before all rows are */

typedef struct plan {
    aip__files *f;
    const aip_params *params;
    const aip__node *columns, *types;
    aip__sample sample;  /* names and joined guesses, in the order of the first file */
    aip_schema *names;   /* index of sample.names */
    int32_t *guessed_by; /* file that gave a column its type; -1: none yet */
    bool promote;
    bool over_all; /* infer_rows: null, in a pass of its own */
    aip__guess
        *by_file;  /* where all rows are looked at in a pass of their own: of each file those of its first, [f->n][sample.n] */
    bool pinned;   /* columns and types are a checkpoint's */
    int32_t first; /* file that the others are held against; -1: the checkpoint */
} plan;

/* Column names as a schema, for its index; refuses empty and repeated names. */
static int32_t index_names(aip__files *f, const aip__sample *s, const char *path, aip_schema **out, aip_error **err) {
    aip_field *fields = aip__calloc(f->ctx, (size_t)s->n + 1, sizeof *fields);
    if (!fields) return aip__error_memory(f->ctx, err);
    for (int32_t i = 0; i < s->n; i++) fields[i] = aip__field(s->names[i], AIP_UTF8);
    int32_t status = aip_schema_create(f->ctx, fields, s->n, out, err);
    aip__free(f->ctx, fields);
    if (status == AIP_E_SCHEMA && err && s->fields) {
        aip__error_at_source(err, path);
    } else if (status == AIP_E_SCHEMA && err) {
        char why[512];
        snprintf(why, sizeof why, "%s", aip_error_message(*err));
        aip__error_set(err, status, "%s; set duplicate_names: number, or give names: [...] for all columns", why);
        aip__error_at_source(err, path);
    }
    return status;
}

static int32_t at_param(const plan *p, const aip__node *node, const char *name, int32_t status, aip_error **err) {
    aip__error_at_parameter(err, name);
    if (node && node->line > 0) aip__error_at_line(err, node->line, node->column);
    (void)p;
    return status;
}

static const char *path_of(const plan *p, int32_t file) {
    return file < 0 ? aip__checkpoint_path(p->f->checkpoint) : p->f->entries[file].path;
}

static int32_t unknown_column(const plan *p, const aip__node *node, const char *parameter, const char *name, aip_error **err) {
    const char *near = aip__nearest(name, (const char *const *)p->sample.names, (size_t)p->sample.n);
    aip__error_set(err, AIP_E_SCHEMA, "%s: no column '%s' in '%s'%s%s%s", parameter, name, path_of(p, p->first),
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    aip__error_at_data_column(err, name);
    return at_param(p, node, parameter, AIP_E_SCHEMA, err);
}

/* ---- the files together ------------------------------------------------------------------------------------------------------------------ */

static int32_t differs(const plan *p, int32_t file, const char *name, const char *what, aip_error **err) {
    aip__error_set(err, AIP_E_SCHEMA,
                   "%s '%s', unlike '%s'; read together, files must have the same columns (choose some with columns)", what, name,
                   path_of(p, p->first));
    aip__error_at_source(err, p->f->entries[file].path);
    aip__error_at_data_column(err, name);
    return AIP_E_SCHEMA;
}

static int32_t join_guess(plan *p, int32_t column, aip__guess guess, int32_t file, aip_error **err) {
    aip__guess *mine = &p->sample.guesses[column], joined = aip__guess_join(*mine, guess);
    const char *name = p->sample.names[column];
    if (p->by_file) {
        p->by_file[(size_t)file * (size_t)p->sample.n + (size_t)column] = guess;
    } else if (!p->promote && mine->type != 0 && guess.type != 0 && !aip__node_get(p->types, name)) {
        aip_field a = aip__field(name, 0), b = a, c = a;
        aip__guess_field(*mine, &a);
        aip__guess_field(guess, &b);
        aip__guess_field(joined, &c);
        if (c.type == AIP_UTF8 && (a.type != AIP_UTF8 || b.type != AIP_UTF8)) {
            aip__error_set(err, AIP_E_SCHEMA,
                           "column '%s' is %s here, but %s in '%s'; set types: {%s: ...}, or on_bad_row: promote", name,
                           aip_type_name(b.type), aip_type_name(a.type), p->f->entries[p->guessed_by[column]].path, name);
            aip__error_at_source(err, p->f->entries[file].path);
            aip__error_at_data_column(err, name);
            return AIP_E_SCHEMA;
        }
    }
    if (mine->type == 0 && guess.type != 0) p->guessed_by[column] = file;
    *mine = joined;
    return AIP_OK;
}

static bool wanted(const plan *p, const char *name) {
    if (p->columns->kind == AIP__NULL) return true;
    if (p->columns->kind == AIP__MAP) return aip__node_get(p->columns, name) != NULL;
    for (int32_t i = 0; i < p->columns->n; i++)
        if (p->columns->items[i]->kind == AIP__STRING && strcmp(p->columns->items[i]->string, name) == 0) return true;
    return false;
}

/* Types that the files say must be the same. */
static int32_t match_field(plan *p, int32_t column, const aip_field *field, int32_t file, aip_error **err) {
    aip_field *mine = &p->sample.fields[column];
    const char *name = p->sample.names[column];
    bool same_zone = mine->zone && field->zone ? strcmp(mine->zone, field->zone) == 0 : mine->zone == field->zone;
    if (mine->type == field->type && mine->scale == field->scale && same_zone) {
        mine->nullable |= field->nullable;
        return AIP_OK;
    }
    aip__error_set(err, AIP_E_SCHEMA, "column '%s' is %s%s%s here, but %s%s%s in '%s'", name, aip_type_name(field->type),
                   field->zone ? " in zone " : "", field->zone ? field->zone : "", aip_type_name(mine->type),
                   mine->zone ? " in zone " : "", mine->zone ? mine->zone : "", path_of(p, p->first));
    aip__error_at_source(err, p->f->entries[file].path);
    aip__error_at_data_column(err, name);
    return AIP_E_SCHEMA;
}

/* Column by column, by name: what is wanted must be in both. */
static int32_t match_file(plan *p, const aip__sample *s, const aip_schema *names, int32_t file, aip_error **err) {
    for (int32_t i = 0; i < p->sample.n; i++) {
        const char *name = p->sample.names[i];
        int32_t there = aip_schema_find(names, name);
        if (!wanted(p, name)) continue;
        if (there < 0) return differs(p, file, name, "this file has no column", err);
        if (s->fields)
            AIP__TRY(match_field(p, i, &s->fields[there], file, err));
        else
            AIP__TRY(join_guess(p, i, s->guesses[there], file, err));
    }
    for (int32_t i = 0; i < s->n; i++)
        if (wanted(p, s->names[i]) && aip_schema_find(p->names, s->names[i]) < 0)
            return differs(p, file, s->names[i], "this file has a column", err);
    return AIP_OK;
}

static int32_t keep_by_file(plan *p, int32_t first, aip_error **err) {
    size_t n = (size_t)p->sample.n, all = 0;
    if (aip__mul_size((size_t)p->f->n, n, &all) || aip__add_size(all, 1, &all)) return aip__error_nomem(err);
    p->by_file = aip__calloc(p->f->ctx, all, sizeof *p->by_file);
    if (!p->by_file) return aip__error_memory(p->f->ctx, err);
    if (n > 0) memcpy(p->by_file + (size_t)first * n, p->sample.guesses, n * sizeof *p->by_file);
    return AIP_OK;
}

static int32_t look_at_first(plan *p, int32_t i, aip__sample *s, aip_error **err) {
    AIP__TRY(index_names(p->f, s, path_of(p, i), &p->names, err));
    p->first = i;
    p->guessed_by = aip__calloc(p->f->ctx, (size_t)s->n + 1, sizeof *p->guessed_by);
    if (!p->guessed_by) return aip__error_memory(p->f->ctx, err);
    p->sample = *s;
    *s = (aip__sample){0};
    return p->over_all ? keep_by_file(p, i, err) : AIP_OK;
}

static int32_t look_at(plan *p, int32_t i, int64_t max_rows, aip_error **err) {
    aip__files *f = p->f;
    aip__file file = {.fd = -1};
    aip__stream *stream = NULL;
    aip__sample sample = {0};
    aip_schema *names = NULL;
    int32_t status = aip__files_stream(f, i, true, &file, &stream, err);
    if (status == AIP_OK) status = f->ops->sample(f->format, stream, f->entries[i].path, max_rows, &sample, err);
    if (status == AIP_OK && p->pinned) memset(sample.guesses, 0, (size_t)sample.n * sizeof *sample.guesses);
    if (status == AIP_OK && !p->names) {
        status = look_at_first(p, i, &sample, err);
    } else if (status == AIP_OK) {
        status = index_names(f, &sample, f->entries[i].path, &names, err);
        if (status == AIP_OK) status = match_file(p, &sample, names, i, err);
    }
    aip_schema_free(names);
    aip__sample_free(f->ctx, &sample);
    aip__stream_close(stream);
    aip__file_close(&file);
    return status;
}

static int32_t look_at_all(plan *p, aip_error **err) {
    const aip__files *f = p->f;
    int64_t rows = p->over_all                                   ? FIRST_ROWS
                   : aip_params_is_null(p->params, "infer_rows") ? INT64_MAX
                                                                 : aip_params_int(p->params, "infer_rows");
    int64_t share = rows == INT64_MAX ? rows : rows / f->n;
    if (share < MIN_ROWS_PER_FILE) share = rows < MIN_ROWS_PER_FILE ? rows : MIN_ROWS_PER_FILE;
    for (int32_t i = 0; i < f->n; i++)
        if (!f->entries[i].skip) AIP__TRY(look_at(p, i, share, err));
    /* Of files that have no whole record yet nothing is known: the first says so. */
    return p->names ? AIP_OK : look_at(p, 0, share, err);
}

/* ---- a checkpoint's columns ----------------------------------------------------------------------------------------------------------------- */

/* What guessing the type would have said; types that are never guessed must be said again, and are held against the checkpoint's in the end. */
static aip__guess guess_of(const char *type) {
    bool zoned = strcmp(type, "timestamp[UTC]") == 0, unzoned = strcmp(type, "timestamp") == 0;
    return (aip__guess){.type = zoned ? AIP_TIMESTAMP : aip__type_from_name(type), .zoned = zoned, .unzoned = unzoned};
}

/* Columns and types as in the first run; then the header of each file that has something new. */
static int32_t take_pinned(plan *p, aip_error **err) {
    const aip__checkpoint *c = p->f->checkpoint;
    aip__sample s = {.n = aip__checkpoint_n_columns(c)};
    s.names = aip__calloc(p->f->ctx, (size_t)s.n + 1, sizeof *s.names);
    s.guesses = aip__calloc(p->f->ctx, (size_t)s.n + 1, sizeof *s.guesses);
    int32_t status = s.names && s.guesses ? AIP_OK : aip__error_memory(p->f->ctx, err);
    for (int32_t i = 0; i < s.n && status == AIP_OK; i++) {
        const char *type = NULL;
        s.names[i] = aip__strdup(p->f->ctx, aip__checkpoint_column(c, i, NULL, &type));
        s.guesses[i] = guess_of(type);
        if (!s.names[i]) status = aip__error_memory(p->f->ctx, err);
    }
    if (status == AIP_OK) status = look_at_first(p, -1, &s, err);
    aip__sample_free(p->f->ctx, &s);
    for (int32_t i = 0; i < p->f->n && status == AIP_OK; i++)
        if (!p->f->entries[i].skip) status = look_at(p, i, 1, err);
    return status;
}

static int32_t check_pinned(const plan *p, aip_error **err) {
    const aip__files *f = p->f;
    const aip__checkpoint *c = f->checkpoint;
    int32_t n = aip__checkpoint_n_columns(c);
    for (int32_t i = 0; i < n || i < f->inner->n; i++) {
        const char *name = NULL, *type = NULL, *from = i < n ? aip__checkpoint_column(c, i, &name, &type) : NULL;
        char mine[32] = "";
        if (i < f->inner->n) aip__checkpoint_type(&f->inner->fields[i], mine);
        if (from && i < f->inner->n && strcmp(from, f->from[i]) == 0 && strcmp(name, f->inner->fields[i].name) == 0
            && strcmp(type, mine) == 0)
            continue;
        aip__error_set(err, AIP_E_SCHEMA,
                       "column %d is %s%s%s now, but %s%s%s in checkpoint '%s', with which the earlier outputs were written",
                       i + 1, i < f->inner->n ? f->inner->fields[i].name : "not there", *mine ? ": " : "", mine,
                       from ? name : "not there", from ? ": " : "", from ? type : "", aip__checkpoint_path(c));
        aip__error_at_parameter(err, "checkpoint");
        return AIP_E_SCHEMA;
    }
    return AIP_OK;
}

/* ---- what the user says --------------------------------------------------------------------------------------------------------------------- */

static int32_t bad_type(const plan *p, const aip__node *node, const char *column, aip_error **err) {
    aip__error_set(
        err, AIP_E_PARAM,
        "types: column '%s': expected one of bool, int32, int64, float32, float64, utf8, dictionary, date32, timestamp, timestamp[UTC], "
        "decimal64(SCALE), found %s%s%s",
        column, node->kind == AIP__STRING ? "'" : "", node->kind == AIP__STRING ? node->string : aip__node_kind_name(node->kind),
        node->kind == AIP__STRING ? "'" : "");
    return at_param(p, node, "types", AIP_E_PARAM, err);
}

static int32_t said_type(const plan *p, const aip__node *node, aip_field *field, aip_error **err) {
    if (node->kind != AIP__STRING) return bad_type(p, node, field->name, err);
    const char *s = node->string;
    static const char decimal[] = "decimal64(";
    const size_t before = sizeof decimal - 1;
    int32_t scale = -1;
    field->zone = NULL;
    if (strcmp(s, "timestamp[UTC]") == 0) {
        field->type = AIP_TIMESTAMP;
        field->zone = "UTC";
    } else if (node->length > before + 1 && memcmp(s, decimal, before) == 0 && s[node->length - 1] == ')'
               && aip__parse_i32(s + before, node->length - before - 1, &scale) && scale >= 0 && scale <= 18) {
        field->type = AIP_DECIMAL64;
        field->scale = scale;
    } else {
        field->type = aip__type_from_name(s);
        if (field->type == 0 || field->type == AIP_BINARY || field->type == AIP_DECIMAL64)
            return bad_type(p, node, field->name, err);
    }
    return AIP_OK;
}

static int32_t check_types(const plan *p, aip_error **err) {
    if (!p->types) return AIP_OK; /* not a parameter of a format whose files say them */
    for (int32_t i = 0; i < p->types->n; i++) {
        const char *name = p->types->keys[i]->string;
        aip_field ignored = aip__field(name, 0);
        if (aip_schema_find(p->names, name) < 0) return unknown_column(p, p->types->keys[i], "types", name, err);
        AIP__TRY(said_type(p, p->types->items[i], &ignored, err));
    }
    return AIP_OK;
}

/* ---- the schema -------------------------------------------------------------------------------------------------------------------------------- */

/* What the file says of a column. */
static int32_t said_field(const plan *p, int32_t i, aip_field *field, aip_error **err) {
    const aip_field *f = &p->sample.fields[i];
    if (f->type == 0) {
        aip__error_set(err, AIP_E_UNSUPPORTED, "%s; choose others with columns", p->sample.refused[i]);
        aip__error_at_data_column(err, p->sample.names[i]);
        aip__error_at_source(err, p->f->entries[0].path);
        return AIP_E_UNSUPPORTED;
    }
    field->type = f->type;
    field->zone = f->zone;
    field->scale = f->scale;
    field->nullable = f->nullable;
    return AIP_OK;
}

static int32_t add_field(plan *p, aip_field *fields, int32_t k, const char *from, const aip__node *place, const char *name,
                         aip_error **err) {
    int32_t i = aip_schema_find(p->names, from);
    if (i < 0 || (!p->sample.guesses && !p->sample.fields)) return unknown_column(p, place, "columns", from, err);
    fields[k] = aip__field(name, 0);
    if (p->sample.fields) {
        AIP__TRY(said_field(p, i, &fields[k], err));
    } else {
        aip__guess_field(p->sample.guesses[i], &fields[k]);
        const aip__node *said = aip__node_get(p->types, from);
        if (said) AIP__TRY(said_type(p, said, &fields[k], err));
    }
    p->f->from[k] = aip__strdup(p->f->ctx, from);
    return p->f->from[k] ? AIP_OK : aip__error_memory(p->f->ctx, err);
}

static int32_t columns_shape(const plan *p, const aip__node *node, aip_error **err) {
    aip__error_set(err, AIP_E_PARAM, "read: columns: expected a list of names or a map {name: new_name}, found %s in it",
                   aip__node_kind_name(node->kind));
    return at_param(p, node, "columns", AIP_E_PARAM, err);
}

static int32_t choose(plan *p, aip_field *fields, int32_t *n, aip_error **err) {
    const aip__node *c = p->columns;
    if (c->kind == AIP__NULL) {
        for (*n = 0; *n < p->sample.n; ++*n) AIP__TRY(add_field(p, fields, *n, p->sample.names[*n], c, p->sample.names[*n], err));
        return AIP_OK;
    }
    for (*n = 0; *n < c->n; ++*n) {
        const aip__node *name = c->items[*n], *from = c->kind == AIP__MAP ? c->keys[*n] : name;
        if (name->kind != AIP__STRING) return columns_shape(p, name, err);
        AIP__TRY(add_field(p, fields, *n, from->string, from, name->string, err));
    }
    return AIP_OK;
}

static int32_t make_schemas(plan *p, const aip_field *fields, int32_t n, aip_error **err) {
    aip__files *f = p->f;
    const char *path_column = aip_params_string(p->params, "include_path");
    int32_t status = aip_schema_create(f->ctx, fields, n, &f->inner, err);
    if (status != AIP_OK) return at_param(p, p->columns, "columns", status, err);
    if (!path_column) {
        f->outer = aip__schema_retain(f->inner);
        return AIP_OK;
    }
    aip_field *all = aip__calloc(f->ctx, (size_t)n + 1, sizeof *all);
    if (!all) return aip__error_memory(f->ctx, err);
    if (n > 0) memcpy(all, fields, (size_t)n * sizeof *all);
    all[n] = aip__field(path_column, AIP_DICTIONARY);
    f->include_path = true;
    status = aip_schema_create(f->ctx, all, n + 1, &f->outer, err);
    aip__free(f->ctx, all);
    return status == AIP_OK ? status : at_param(p, NULL, "include_path", status, err);
}

/* The schemas as the guesses now are. */
static int32_t build(plan *p, aip_error **err) {
    aip__files *f = p->f;
    int32_t n = 0, most = p->columns->kind == AIP__NULL ? p->sample.n : p->columns->n;
    aip_field *fields = aip__calloc(f->ctx, (size_t)most + 1, sizeof *fields);
    f->from = aip__calloc(f->ctx, (size_t)most + 1, sizeof *f->from);
    int32_t status = fields && f->from ? choose(p, fields, &n, err) : aip__error_memory(f->ctx, err);
    if (status == AIP_OK) status = make_schemas(p, fields, n, err);
    aip__free(f->ctx, fields);
    return status;
}

static void unbuild(aip__files *f) {
    for (int32_t i = 0; f->from && f->from[i]; i++) aip__free(f->ctx, f->from[i]);
    aip__free(f->ctx, f->from);
    aip_schema_free(f->inner);
    aip_schema_free(f->outer);
    f->from = NULL;
    f->inner = f->outer = NULL;
}

/* on_bad_row: promote. The columns that the user gave a type are not looked at. */
static int32_t promote(plan *p, aip_error **err) {
    aip__files *f = p->f;
    for (int32_t i = 0; i < f->n; i++) {
        if (f->entries[i].size >= 0) continue;
        aip__error_set(
            err, AIP_E_PARAM,
            "on_bad_row: promote reads a file twice, which a pipe cannot be: set infer_rows: null (what was read is kept in "
            "memory), or read from a file");
        aip__error_at_parameter(err, "on_bad_row");
        aip__error_at_source(err, f->entries[i].path);
        return AIP_E_PARAM;
    }
    int32_t n = f->inner->n;
    aip__guess *guesses = aip__calloc(f->ctx, (size_t)n + 1, sizeof *guesses);
    if (!guesses) return aip__error_memory(f->ctx, err);
    for (int32_t i = 0; i < n; i++)
        guesses[i] = aip__node_get(p->types, f->from[i]) ? (aip__guess){.type = AIP_UTF8}
                                                         : p->sample.guesses[aip_schema_find(p->names, f->from[i])];
    int32_t status = aip__files_settle_types(f, guesses, err);
    for (int32_t i = 0; i < n && status == AIP_OK; i++) p->sample.guesses[aip_schema_find(p->names, f->from[i])] = guesses[i];
    aip__free(f->ctx, guesses);
    if (status != AIP_OK) return status;
    unbuild(f);
    return build(p, err);
}

/* infer_rows: null. Joined file by file, as their samples would be had they all rows. */
static int32_t join_all(plan *p, const aip__guess *guesses, aip_error **err) {
    const aip__files *f = p->f;
    memset(p->sample.guesses, 0, (size_t)p->sample.n * sizeof *p->sample.guesses);
    for (int32_t i = 0; i < f->n; i++)
        for (int32_t c = 0; c < f->inner->n; c++)
            AIP__TRY(join_guess(p, aip_schema_find(p->names, f->from[c]), guesses[(size_t)i * (size_t)f->inner->n + (size_t)c], i,
                                err));
    return AIP_OK;
}

static int32_t look_at_all_rows(plan *p, aip_error **err) {
    aip__files *f = p->f;
    size_t n = (size_t)f->inner->n, all = 0;
    if (aip__mul_size((size_t)f->n, n, &all) || aip__add_size(all, 1, &all)) return aip__error_nomem(err);
    aip__guess *guesses = aip__calloc(f->ctx, all, sizeof *guesses);
    if (!guesses) return aip__error_memory(f->ctx, err);
    for (size_t c = 0; c < n; c++) {
        bool said = aip__node_get(p->types, f->from[c]) != NULL;
        int32_t column = aip_schema_find(p->names, f->from[c]);
        for (size_t i = 0; i < (size_t)f->n; i++)
            guesses[i * n + c] = said ? (aip__guess){.type = AIP_UTF8} : p->by_file[i * (size_t)p->sample.n + (size_t)column];
    }
    aip__free(f->ctx, p->by_file);
    p->by_file = NULL; /* from here on the files must go together */
    int32_t status = aip__files_settle_each(f, guesses, err);
    if (status == AIP_OK) status = join_all(p, guesses, err);
    aip__free(f->ctx, guesses);
    if (status != AIP_OK) return status;
    unbuild(f);
    return build(p, err);
}

/* Whether all rows are looked at in parallel, in a pass of their own: not where they say more than types, and not of a pipe, which is read once. */
static bool over_all_rows(const plan *p) {
    const aip__files *f = p->f;
    struct stat st;
    if (!aip_params_is_null(p->params, "infer_rows") || !f->ops->named || !f->ops->infer_item) return false;
    for (int32_t i = 0; i < f->n; i++)
        if (f->ctx->io->stat(f->entries[i].path, &st) == 0 && !S_ISREG(st.st_mode)) return false;
    return true;
}

static int32_t settle(plan *p, aip_error **err) {
    const aip__node *c = p->columns;
    if (c->kind != AIP__NULL && c->kind != AIP__LIST && c->kind != AIP__MAP) return columns_shape(p, c, err);
    p->pinned = p->f->checkpoint && !aip__checkpoint_is_new(p->f->checkpoint);
    if (p->pinned) {
        AIP__TRY(take_pinned(p, err));
        AIP__TRY(build(p, err));
        return check_pinned(p, err);
    }
    p->over_all = over_all_rows(p);
    AIP__TRY(look_at_all(p, err));
    AIP__TRY(check_types(p, err));
    AIP__TRY(build(p, err));
    if (p->over_all) return look_at_all_rows(p, err);
    if (!p->promote || aip_params_is_null(p->params, "infer_rows")) return AIP_OK; /* all rows were looked at */
    return promote(p, err);
}

int32_t aip__files_plan(aip__files *f, const aip_params *params, aip_error **err) {
    plan p = {
        .f = f, .params = params, .columns = aip__params_node(params, "columns"), .types = aip__params_node(params, "types")};
    const char *policy = aip_params_string(params, "on_bad_row"); /* NULL: not a parameter of the format */
    p.promote = policy && strcmp(policy, "promote") == 0;
    f->max_rejects = aip_params_is_null(params, "max_rejects") ? -1 : aip_params_float(params, "max_rejects");
    int32_t status = AIP_OK;
    if (p.promote && !f->ops->infer_item) {
        status = aip__error_set(err, AIP_E_PARAM, "on_bad_row: promote is not possible for this format");
        aip__error_at_parameter(err, "on_bad_row");
    }
    if (status == AIP_OK) status = settle(&p, err);
    if (status == AIP_OK && f->checkpoint && !p.pinned)
        status = aip__checkpoint_set_columns(f->checkpoint, f->from, f->inner, err);
    aip__sample_free(f->ctx, &p.sample);
    aip_schema_free(p.names);
    aip__free(f->ctx, p.guessed_by);
    aip__free(f->ctx, p.by_file);
    return status;
}
