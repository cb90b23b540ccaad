/* Files between tasks: each is written by one task, and a task that reads what another writes waits for it. Tasks without a path between them in the
 * graph may run at once, and a file does not order them. Paths are compared as they are written, joined to the DAG file's folder, without `.` and
 * doubled slashes; patterns are not looked into. */
#include "base/io.h"
#include "dag/dag.h"

#include <stdlib.h>
#include <string.h>

typedef struct use {
    char *path;
    const aip__node *at;
    int32_t task;
    bool writes;
} use;

typedef struct uses {
    const aip_dag *dag;
    use *all;
    size_t n, capacity;
} uses;

/* Without segments that are empty or `.`, in place. */
static void tidy(char *path) {
    char *to = path;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        bool slash = p[n] == '/', drop = (n == 0 && p > path) || (n == 1 && *p == '.' && slash);
        if (!drop) {
            memmove(to, p, n + slash);
            to += n + slash;
        }
        p += n + slash;
    }
    *to = 0;
}

static int32_t add_path(uses *u, int32_t task, const aip__node *at, bool writes, aip_error **err) {
    aip_context *ctx = u->dag->ctx;
    if (!at || at->kind != AIP__STRING || (!writes && strpbrk(at->string, "*?["))) return AIP_OK;
    bool standard = strcmp(at->string, "-") == 0;
    char *path = standard ? aip__strdup(ctx, writes ? ">" : "<") : aip__path_join(ctx, u->dag->base_dir, at->string);
    if (!path || aip__grow(ctx, &u->all, &u->capacity, u->n + 1, sizeof *u->all) != 0) {
        aip__free(ctx, path);
        return aip__error_memory(ctx, err);
    }
    if (!standard) tidy(path);
    u->all[u->n++] = (use){path, at, task, writes};
    return AIP_OK;
}

static int32_t add_task(uses *u, int32_t task, const aip__node *definition, aip_error **err) {
    const aip__node *output = aip__dag_written_path(u->dag, task, definition), *read = aip__node_get(definition, "read");
    if (read && read->kind == AIP__MAP) { /* what passes over its rows write beside the output */
        AIP__TRY(add_path(u, task, aip__node_get(read, "rejects"), true, err));
        AIP__TRY(add_path(u, task, aip__node_get(read, "checkpoint"), true, err));
        read = aip__node_get(read, "path");
    }
    if (!read || read->kind != AIP__LIST) AIP__TRY(add_path(u, task, read, false, err));
    for (int32_t i = 0; read && read->kind == AIP__LIST && i < read->n; i++)
        AIP__TRY(add_path(u, task, read->items[i], false, err));
    return add_path(u, task, output, true, err);
}

/* By path; of one path in the DAG's order. */
static int compare(const void *a, const void *b) {
    const use *x = a, *y = b;
    int by_path = strcmp(x->path, y->path);
    return by_path ? by_path : (x->task > y->task) - (x->task < y->task);
}

/* Whether `first` has ended when `then` starts: there is a way from one to the other. */
static int32_t comes_before(const aip_dag *dag, int32_t first, int32_t then, bool *out, aip_error **err) {
    int32_t *left = aip__calloc(dag->ctx, (size_t)dag->n_tasks + 1, sizeof *left), n = 0;
    bool *seen = aip__calloc(dag->ctx, (size_t)dag->n_tasks + 1, sizeof *seen);
    int32_t status = left && seen ? AIP_OK : aip__error_memory(dag->ctx, err);
    if (status == AIP_OK) left[n++] = then, seen[then] = true;
    while (n > 0) {
        const aip__task *t = &dag->tasks[left[--n]];
        for (int32_t i = 0; i < t->n_before; i++) {
            int32_t b = t->before[i];
            if (!seen[b]) seen[b] = true, left[n++] = b;
        }
    }
    if (status == AIP_OK) *out = seen[first];
    aip__free(dag->ctx, left);
    aip__free(dag->ctx, seen);
    return status;
}

static int32_t refuse(const aip_dag *dag, const use *at, int32_t status, aip_error **err) {
    aip__error_at_task(err, dag->tasks[at->task].name);
    return aip__dag_place(dag, at->at, status, err);
}

/* Two uses of one path, the first before the second in the DAG's order. */
static int32_t check_pair(const aip_dag *dag, const use *a, const use *b, aip_error **err) {
    bool ordered = false, both_read = !a->writes && !b->writes;
    if (a->task == b->task || (both_read && strcmp(a->at->string, "-") != 0))
        return AIP_OK; /* standard input gives its bytes once */
    const char *first = dag->tasks[a->task].name;
    if (a->writes == b->writes)
        return refuse(dag, b,
                      aip__error_set(err, AIP_E_PARAM, "'%s' is %s by task '%s' too: expected one task that does", b->at->string,
                                     both_read ? "read" : "written", first),
                      err);
    const use *writer = a->writes ? a : b, *reader = a->writes ? b : a;
    AIP__TRY(comes_before(dag, writer->task, reader->task, &ordered, err));
    if (!ordered) AIP__TRY(comes_before(dag, reader->task, writer->task, &ordered, err));
    if (ordered) return AIP_OK;
    const char *name = dag->tasks[writer->task].name;
    return refuse(
        dag, reader,
        aip__error_set(err, AIP_E_PARAM,
                       "'%s' is written by task '%s', which this task does not wait for: expected `from: %s`, or `needs: [%s]`",
                       reader->at->string, name, name, name),
        err);
}

int32_t aip__dag_check_paths(const aip_dag *dag, const aip__node *const *definitions, aip_error **err) {
    uses u = {.dag = dag};
    int32_t status = AIP_OK;
    for (int32_t i = 0; i < dag->n_tasks && status == AIP_OK; i++)
        if (definitions[i]) status = add_task(&u, i, definitions[i], err);
    if (status == AIP_OK && u.n > 1) qsort(u.all, u.n, sizeof *u.all, compare);
    for (size_t i = 0, writer = 0; i < u.n && status == AIP_OK; i++) {
        if (i == 0 || strcmp(u.all[i].path, u.all[writer].path) != 0) { /* a path's uses are held against one that writes it */
            writer = i;
            for (size_t k = i; k < u.n && strcmp(u.all[k].path, u.all[i].path) == 0 && !u.all[writer].writes; k++)
                if (u.all[k].writes) writer = k;
        }
        if (i < writer) status = check_pair(dag, &u.all[i], &u.all[writer], err);
        if (i > writer) status = check_pair(dag, &u.all[writer], &u.all[i], err);
    }
    for (size_t i = 0; i < u.n; i++) aip__free(dag->ctx, u.all[i].path);
    aip__free(dag->ctx, u.all);
    return status;
}
