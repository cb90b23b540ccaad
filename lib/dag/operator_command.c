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
     .type = AIP_PARAM_STRINGS,
     .name = "argv",
     .doc = "the program and its arguments, as a list; no shell looks at them"},
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

static int32_t command_check(aip_dag *dag, int32_t task, const aip__node *params, aip_error **err) {
    AIP__TRY(aip__operator_check_params(dag, task, params, err));
    const aip__node *argv = params->kind == AIP__MAP ? aip__node_get(params, "argv") : params,
                    *env = aip__node_get(params, "env");
    if (argv->kind == AIP__LIST ? argv->n == 0 || argv->items[0]->length == 0 : argv->length == 0)
        return aip__dag_place(dag, argv, aip__error_set(err, AIP_E_PARAM, "command: expected a program, found none"), err);
    for (int32_t i = 0; env && i < env->n; i++)
        if (env->items[i]->kind != AIP__STRING && env->items[i]->kind != AIP__NULL)
            return aip__dag_place(dag, env->items[i],
                                  aip__error_set(err, AIP_E_PARAM, "command: env.%s is %s: expected a string or null",
                                                 env->keys[i]->string, aip__node_kind_name(env->items[i]->kind)),
                                  err);
    return AIP_OK;
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
        if (env->items[k]->kind != AIP__STRING) continue;
        aip__text text;
        aip__text_init(&text, ctx);
        aip__text_printf(&text, "%s=%s", env->keys[k]->string, env->items[k]->string);
        const aip__node *made = text.failed ? NULL : aip__node_string(d, text.bytes, text.n);
        aip__text_free(&text);
        if (!made) {
            aip__free(ctx, all);
            return aip__error_memory(ctx, err);
        }
        all[at++] = made->string;
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

static int32_t command_run(aip_task_context *task, const aip__node *params, aip_error **err) {
    aip_context *ctx = aip_task_ctx(task);
    aip_params *p = NULL;
    aip__document *d = NULL;
    const char **argv = NULL, **envp = NULL;
    AIP__TRY(aip__params_create(ctx, task->task->operator_, params, aip__task_source(task), &p, err));
    int32_t n = aip_params_n_strings(p, "argv"), status = aip__document_new(ctx, &d, err);
    if (status == AIP_OK) {
        argv = aip__calloc(ctx, (size_t)n + 1, sizeof *argv);
        status = argv ? make_env(task, aip__params_node(p, "env"), d, &envp, err) : aip__error_memory(ctx, err);
    }
    for (int32_t i = 0; status == AIP_OK && i < n; i++) argv[i] = aip_params_string_at(p, "argv", i);
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
