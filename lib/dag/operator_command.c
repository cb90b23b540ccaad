/* The command operator: a program with its arguments, without a shell. What it says goes to the run's log; when it fails, its last lines stand in the
 * error. */
#include "dag/operators.h"
#include "dag/run.h"
#include "dag/subprocess.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>

#define LAST_LINES 5
#define LAST_BYTES 200 /* of each */

static const aip_param_spec command_params[] = {
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_ANY,
     .name = "argv",
     .doc = "the program and its arguments, as a list of texts and numbers; no shell looks at them"},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_OBJECT,
     .name = "env",
     .doc = "variables to set beside those of this process; null removes one",
     .default_json = "{}"},
    {.struct_size = sizeof(aip_param_spec),
     .type = AIP_PARAM_DURATION,
     .name = "grace",
     .doc = "how long it may take to end after SIGTERM before it is killed",
     .default_json = "10",
     .minimum = 0,
     .maximum = (double)INFINITY},
};

static bool is_scalar(const aip__node *node) {
    return node->kind == AIP__STRING || node->kind == AIP__INT || node->kind == AIP__FLOAT || node->kind == AIP__BOOL;
}

static int32_t command_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    AIP__TRY(aip__operator_check_params(dag, task, params, err));
    const aip__node *argv = params->kind == AIP__MAP ? aip__node_get(params, "argv") : params,
                    *env = aip__node_get(params, "env");
    const aip__node *program = argv->kind != AIP__LIST ? argv : argv->n > 0 ? argv->items[0] : NULL;
    if (!program || program->kind != AIP__STRING || program->length == 0)
        return aip__dag_place(
            dag, program ? program : argv,
            aip__error_set(err, AIP_E_PARAM, "command: expected a program, or a list of a program and its arguments"), err);
    for (int32_t i = 0; argv->kind == AIP__LIST && i < argv->n; i++)
        if (!is_scalar(argv->items[i]))
            return aip__dag_place(dag, argv->items[i],
                                  aip__error_set(err, AIP_E_PARAM, "command: argv[%d] is %s: expected a text or a number", (int)i,
                                                 aip__node_kind_name(argv->items[i]->kind)),
                                  err);
    for (int32_t i = 0; env && i < env->n; i++)
        if (!is_scalar(env->items[i]) && env->items[i]->kind != AIP__NULL)
            return aip__dag_place(dag, env->items[i],
                                  aip__error_set(err, AIP_E_PARAM, "command: env.%s is %s: expected a text, a number or null",
                                                 env->keys[i]->string, aip__node_kind_name(env->items[i]->kind)),
                                  err);
    return AIP_OK;
}

/* prefix, and the scalar as a program would be given it; NULL when memory is refused. The document's. */
static const char *as_text(aip_context *ctx, aip__document *d, const char *prefix, const aip__node *value) {
    aip__text text;
    aip__text_init(&text, ctx);
    aip__text_str(&text, prefix);
    if (value->kind == AIP__STRING)
        aip__text_str(&text, value->string);
    else
        aip__node_write(value, &text);
    const aip__node *made = text.failed ? NULL : aip__node_string(d, text.n ? text.bytes : "", text.n);
    aip__text_free(&text);
    return made ? made->string : NULL;
}

typedef struct output {
    aip_task_context *task;
    char last[LAST_LINES][LAST_BYTES];
    int64_t n;
} output;

static void on_line(void *user, const char *line) {
    output *o = user;
    aip_task_log(o->task, AIP_LOG_INFO, line);
    char *kept = o->last[o->n++ % LAST_LINES];
    strncpy(kept, line, LAST_BYTES - 1);
    kept[LAST_BYTES - 1] = 0;
}

/* This process's environment with the changes; strings that are made are the document's. */
static int32_t make_env(aip_task_context *task, const aip__node *env, aip__document *d, const char ***out, aip_error **err) {
    extern char **environ;
    aip_context *ctx = aip_task_ctx(task);
    size_t n = 0, at = 0;
    while (environ && environ[n]) n++;
    const char **all = aip__calloc(ctx, n + (size_t)env->n + 1, sizeof *all);
    if (!all) return aip__error_memory(ctx, err);
    for (size_t i = 0; i < n; i++) {
        bool replaced = false;
        for (int32_t k = 0; k < env->n && !replaced; k++) {
            size_t length = env->keys[k]->length;
            replaced = strncmp(environ[i], env->keys[k]->string, length) == 0 && environ[i][length] == '=';
        }
        if (!replaced) all[at++] = environ[i];
    }
    for (int32_t k = 0; k < env->n; k++) {
        if (env->items[k]->kind == AIP__NULL) continue;
        char *name = aip__calloc(ctx, env->keys[k]->length + 2, 1);
        if (name) {
            memcpy(name, env->keys[k]->string, env->keys[k]->length);
            name[env->keys[k]->length] = '=';
            all[at] = as_text(ctx, d, name, env->items[k]);
        }
        aip__free(ctx, name);
        if (!all[at++]) {
            aip__free(ctx, all);
            return aip__error_memory(ctx, err);
        }
    }
    *out = all;
    return AIP_OK;
}

static int32_t ended_badly(const output *o, const char *program, int status, aip_context *ctx, aip_error **err) {
    aip__text text;
    aip__text_init(&text, ctx);
    if (WIFSIGNALED(status))
        aip__text_printf(&text, "'%s' was ended by signal %d", program, WTERMSIG(status));
    else
        aip__text_printf(&text, "'%s' ended with exit status %d: expected 0", program, WEXITSTATUS(status));
    int64_t first = o->n > LAST_LINES ? o->n - LAST_LINES : 0;
    for (int64_t i = first; i < o->n; i++)
        aip__text_printf(&text, "%s%s", i == first ? "; its last lines: " : " | ", o->last[i % LAST_LINES]);
    int32_t result = text.failed ? aip__error_memory(ctx, err) : aip__error_set(err, AIP_E_TASK, "%s", text.bytes);
    aip__text_free(&text);
    return result;
}

static int32_t command(aip_task_context *task, const aip_params *p, const char **argv, const char **envp, aip_error **err) {
    output o = {.task = task};
    int status = 0;
    aip__subprocess program = {.argv = argv,
                               .envp = envp,
                               .folder = aip__task_base_dir(task),
                               .grace_ns = (int64_t)(fmin(aip_params_float(p, "grace"), 1e9) * 1e9),
                               .token = &task->token,
                               .line = on_line,
                               .user = &o};
    AIP__TRY(aip__subprocess_run(&program, &status, err));
    return status == 0 ? AIP_OK : ended_badly(&o, argv[0], status, aip_task_ctx(task), err);
}

static int32_t make_argv(aip_context *ctx, const aip__node *given, aip__document *d, const char ***out, aip_error **err) {
    int32_t n = given->kind == AIP__LIST ? given->n : 1;
    const char **all = aip__calloc(ctx, (size_t)n + 1, sizeof *all);
    if (!all) return aip__error_memory(ctx, err);
    for (int32_t i = 0; i < n; i++) {
        all[i] = as_text(ctx, d, "", given->kind == AIP__LIST ? given->items[i] : given);
        if (all[i]) continue;
        aip__free(ctx, all);
        return aip__error_memory(ctx, err);
    }
    *out = all;
    return AIP_OK;
}

static int32_t command_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_context *ctx = aip_task_ctx(task);
    aip_params *p = NULL;
    aip__document *d = NULL;
    const char **argv = NULL, **envp = NULL;
    AIP__TRY(aip__params_create(ctx, task->task->operator_, params, aip__task_source(task), &p, err));
    int32_t status = aip__document_new(ctx, &d, err);
    if (status == AIP_OK) status = make_argv(ctx, aip__params_node(p, "argv"), d, &argv, err);
    if (status == AIP_OK) status = make_env(task, aip__params_node(p, "env"), d, &envp, err);
    if (status == AIP_OK) status = aip__dag_place(task->run->dag, params, command(task, p, argv, envp, err), err);
    aip__free(ctx, argv);
    aip__free(ctx, envp);
    aip__document_free(d);
    aip__params_free(p);
    return status;
}

void aip__operator_command(aip_descriptor *d) {
    static const aip__operator_ops ops = {.check = command_check, .run = command_run, .from = AIP__FROM_NOTHING};
    d->name = "command";
    d->doc = "Runs a program; it succeeds when its exit status is 0";
    d->params = command_params;
    d->n_params = sizeof command_params / sizeof *command_params;
    d->shorthand = "argv";
    d->ops = &ops;
}
