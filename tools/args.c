/* The command line: one table of options for each command, one for all; --name value, --name=value, letters; "did you mean"; help. */
#include "tool.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const option global_options[] = {
    {"threads", "N", "threads that work: 0 is none but the waiting one; without this option one per CPU", 0, false},
    {"memory-limit", "SIZE", "most memory for columns, states and buffers: 512M, 4G; without it three quarters of the machine's",
     0, false},
    {"module", "PATH", "a loadable module with stages or connectors of its own: a path with a slash, or a name; may be repeated",
     0, true},
    {"quiet", NULL, "no progress and no summary; warnings and errors stay", 'q', false},
    {"color", "WHEN", "auto (a terminal, and NO_COLOR is not set), always or never", 0, false},
    {"log-level", "LEVEL", "none, error, warning (default), info or debug", 0, false},
    {"help", NULL, "this text", 'h', false},
};
const int n_global_options = sizeof global_options / sizeof *global_options;

/* ---- the nearest name: edit distance with swaps (Damerau-Levenshtein, optimal string alignment) ------------------------------------- */

#define NAME_MAX_LENGTH 40

static int distance(const char *a, const char *b) {
    int n = (int)strlen(a), m = (int)strlen(b), d[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
    if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH) return NAME_MAX_LENGTH;
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *nearest_name(const char *given, const char *const *names, int n) {
    const char *best = NULL;
    int best_distance = (int)strlen(given) / 3 + 2; /* nearer than this */
    for (int i = 0; i < n; i++) {
        int d = distance(given, names[i]);
        if (d < best_distance && d < (int)strlen(names[i])) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

/* ---- parsing -------------------------------------------------------------------------------------------------------------------------- */

int usage_error(const command *c, const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    talk_error_text(NULL, text);
    fprintf(stderr, "Try: aipipe %s%s--help\n", c ? c->name : "", c ? " " : "");
    return EXIT_CODE_USAGE;
}

static const option *option_at(const command *c, int i) {
    return i < c->n_options ? &c->options[i] : &global_options[i - c->n_options];
}

static int n_options(const command *c) { return c->n_options + n_global_options; }

static int find_option(const command *c, const char *name, size_t n) {
    for (int i = 0; i < n_options(c); i++) {
        const char *known = option_at(c, i)->name;
        if (strlen(known) == n && memcmp(known, name, n) == 0) return i;
    }
    return -1;
}

static int unknown_option(const command *c, const char *given, size_t n) {
    const char *names[64];
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)(n < 100 ? n : 100), given);
    int count = n_options(c);
    for (int i = 0; i < count; i++) names[i] = option_at(c, i)->name;
    const char *near = nearest_name(name, names, count);
    return near ? usage_error(c, "unknown option --%s; did you mean --%s?", name, near)
                : usage_error(c, "unknown option --%s", name);
}

static void add_value(args *a, int i, const char *value) {
    size_t n = (size_t)a->n_values[i];
    const char **grown = tool_alloc(n + 2, sizeof *grown);
    if (n) memcpy(grown, a->values[i], n * sizeof *grown);
    free(a->values[i]);
    grown[n] = value;
    a->values[i] = grown;
    a->n_values[i]++;
}

static int parse_long(args *a, int argc, char **argv, int *at) {
    const char *given = argv[*at] + 2;
    size_t n = strcspn(given, "=");
    int i = find_option(a->command, given, n);
    if (i < 0) return unknown_option(a->command, given, n);
    const option *o = option_at(a->command, i);
    if (!o->value) {
        if (given[n]) return usage_error(a->command, "--%s takes no value", o->name);
        add_value(a, i, "");
        return 0;
    }
    if (!given[n] && *at + 1 >= argc) return usage_error(a->command, "--%s: expected %s after it", o->name, o->value);
    add_value(a, i, given[n] ? given + n + 1 : argv[++*at]);
    return 0;
}

static int parse_letters(args *a, const char *letters) {
    for (; *letters; letters++) {
        int i = 0;
        while (i < n_options(a->command) && option_at(a->command, i)->letter != *letters) i++;
        if (i == n_options(a->command)) return usage_error(a->command, "unknown option -%c", *letters);
        add_value(a, i, "");
    }
    return 0;
}

int args_parse(args *a, const command *c, int argc, char **argv) {
    size_t n = (size_t)n_options(c);
    *a = (args){.command = c};
    a->words = tool_alloc((size_t)argc + 1, sizeof *a->words);
    a->values = tool_alloc(n, sizeof *a->values);
    a->n_values = tool_alloc(n, sizeof *a->n_values);
    bool options = true;
    int code = 0;
    for (int i = 0; i < argc && code == 0; i++) {
        const char *s = argv[i];
        if (!options || s[0] != '-' || !s[1])
            a->words[a->n_words++] = s;
        else if (strcmp(s, "--") == 0)
            options = false;
        else
            code = s[1] == '-' ? parse_long(a, argc, argv, &i) : parse_letters(a, s + 1);
    }
    if (code || args_flag(a, "help")) return code;
    for (size_t i = 0; i < n; i++) {
        const option *o = option_at(c, (int)i);
        if (o->value && !o->repeats && a->n_values[i] > 1)
            return usage_error(c, "--%s is given twice: expected it once", o->name);
    }
    if (a->n_words < c->min_words) return usage_error(c, "%s: expected %s", c->name, c->usage);
    if (c->max_words >= 0 && a->n_words > c->max_words)
        return usage_error(c, "%s: '%s' is one too many: expected %s", c->name, a->words[c->max_words], c->usage);
    return 0;
}

void args_free(args *a) {
    for (int i = 0; a->command && i < n_options(a->command); i++) free(a->values[i]);
    free(a->words);
    free(a->values);
    free(a->n_values);
}

bool args_flag(const args *a, const char *name) { return a->n_values[find_option(a->command, name, strlen(name))] > 0; }

const char *args_text(const args *a, const char *name) {
    int i = find_option(a->command, name, strlen(name)), n = a->n_values[i];
    return n ? a->values[i][n - 1] : NULL;
}

const char *const *args_list(const args *a, const char *name, int *n) {
    int i = find_option(a->command, name, strlen(name));
    *n = a->n_values[i];
    return a->values[i];
}

/* Whether params, as aip_dag_describe gives them, has a parameter of this name that is a text. */
static bool is_text(const json_t *params, const char *name) {
    for (size_t i = 0; i < json_array_size(params); i++) {
        const char *known = json_string_value(json_object_get(json_array_get(params, i), "name")),
                   *type = json_string_value(json_object_get(json_array_get(params, i), "type"));
        if (known && type && strcmp(known, name) == 0) return strcmp(type, "string") == 0;
    }
    return false;
}

int args_settings(const args *a, const char *name, const json_t *params, json_t *object) {
    int n = 0;
    const char *const *list = args_list(a, name, &n);
    const char *file = params ? NULL : json_string_value(json_object_get(object, "path"));
    for (int i = 0; i < n; i++) {
        const char *equals = strchr(list[i], '=');
        if (!equals || equals == list[i]) return usage_error(a->command, "--%s '%s': expected NAME=VALUE", name, list[i]);
        char *key = tool_copy(list[i]);
        key[equals - list[i]] = 0;
        if (file && strcmp(key, "path") == 0) {
            free(key);
            return usage_error(a->command, "--%s '%s': expected no path, the file is already named as %s", name, list[i], file);
        }
        json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        if (!value && (equals[1] == '{' || equals[1] == '[')) value = dag_value(equals + 1);
        if (!value || (!json_is_string(value) && is_text(params, key))) {
            json_decref(value);
            value = json_string(equals + 1);
        }
        int bad = !value || json_object_set_new(object, key, value) != 0;
        free(key);
        if (bad) return usage_error(a->command, "--%s '%s': expected UTF-8 text", name, list[i]);
    }
    return 0;
}

/* ---- the context ------------------------------------------------------------------------------------------------------------------------ */

static int32_t log_level;

static int read_log_level(const args *a) {
    static const char *const names[] = {"none", "error", "warning", "info", "debug"};
    const char *given = args_text(a, "log-level");
    log_level = AIP_LOG_WARNING;
    for (int i = 0; given && i < 5; i++)
        if (strcmp(given, names[i]) == 0) {
            log_level = i;
            return 0;
        }
    return given ? usage_error(a->command, "--log-level %s: expected none, error, warning, info or debug", given) : 0;
}

static int read_threads(const args *a, bool main_works, int32_t *out) {
    const char *given = args_text(a, "threads");
    char *end = NULL;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (given) {
        errno = 0;
        n = strtol(given, &end, 10);
        if (errno || end == given || *end || n < 0 || n > 1024)
            return usage_error(a->command, "--threads %s: expected a whole number from 0 to 1024", given);
    }
    /* The library counts the thread that waits. One that only listens for events is one more. */
    *out = given && n == 0 ? AIP_THREADS_NONE : (n < 1 ? 1 : (int32_t)n) + (main_works ? 0 : 1);
    return 0;
}

bool args_no_threads(const args *a) {
    const char *given = args_text(a, "threads");
    return given && strtol(given, NULL, 10) == 0;
}

static int read_memory(const args *a, uint64_t *out) {
    const char *given = args_text(a, "memory-limit");
    if (!given) return 0;
    char *end = NULL;
    double v = strtod(given, &end);
    static const char units[] = "KMGT";
    const char *unit = end != given && *end ? strchr(units, *end >= 'a' && *end <= 'z' ? *end - 32 : *end) : NULL;
    if (unit) {
        v = ldexp(v, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i') end++;
        if (*end == 'B') end++;
    }
    if (end == given || *end || !(v >= 1) || v > 0x1p62)
        return usage_error(a->command, "--memory-limit %s: expected a size in bytes, such as 512M or 4G", given);
    *out = (uint64_t)v;
    return 0;
}

static int load_modules(const args *a, aip_context *ctx) {
    int n = 0;
    const char *const *paths = args_list(a, "module", &n);
    aip_error *err = NULL;
    for (int i = 0; i < n; i++)
        if (aip_module_load(ctx, paths[i], &err) != AIP_OK) return fail(err, EXIT_CODE_USAGE);
    return EXIT_CODE_OK;
}

int args_context(const args *a, bool main_works, aip_context **out) {
    aip_context_options options = AIP_CONTEXT_OPTIONS_INIT;
    aip_error *err = NULL;
    int code = read_log_level(a);
    if (code == 0) code = read_threads(a, main_works, &options.threads);
    if (code == 0) code = read_memory(a, &options.memory_limit);
    if (code) return code;
    options.log = talk_log;
    options.log_user = &log_level;
    if (aip_context_create(&options, out, &err) != AIP_OK) return fail(err, EXIT_CODE_FAILED);
    return load_modules(a, *out);
}

/* ---- help --------------------------------------------------------------------------------------------------------------------------------- */

static void help_option(const option *o) {
    line l = {0};
    line_add(&l, "  %s--%s%s%s",
             o->letter == 'h'   ? "-h, "
             : o->letter == 'q' ? "-q, "
                                : "",
             o->name, o->value ? " " : "", o->value ? o->value : "");
    line_pad(&l, 26 - (int)l.n);
    fputs(l.bytes, stdout);
    term_fold(&term_out, o->doc, (int)l.n, 26);
    line_free(&l);
}

/* Each line folded by itself. */
static void help_lines(const char *text, int indent) {
    for (; *text; text += *text == '\n') {
        size_t n = strcspn(text, "\n");
        char *one = tool_copy(text);
        one[n] = 0;
        term_fold(&term_out, one, 0, indent);
        free(one);
        text += n;
    }
}

void args_help(const command *c) {
    term_out.page = HELP_PAGE;
    const char *bold = term_style(&term_out, STYLE_BOLD), *plain = term_plain(&term_out);
    printf("%saipipe %s%s ", bold, c->name, plain);
    term_fold(&term_out, c->usage, (int)strlen(c->name) + 8, 4);
    printf("\n");
    help_lines(c->about, 0);
    printf("\n%sOptions%s\n", bold, plain);
    for (int i = 0; i < c->n_options; i++) help_option(&c->options[i]);
    printf("\n%sOptions of all commands%s\n", bold, plain);
    for (int i = 0; i < n_global_options; i++) help_option(&global_options[i]);
    printf("\n%sExamples%s\n", bold, plain);
    help_lines(c->examples, 6);
}
