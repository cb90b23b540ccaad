/* What the parts of the `aipipe` command share. The command stands on the public headers alone, as any host does; JSON text that the
 * library gives is read with jansson.
 *
 * Data goes to stdout, talk (progress, summaries, warnings, errors) to stderr. */
#ifndef AIPIPE_TOOLS_TOOL_H
#define AIPIPE_TOOLS_TOOL_H

#include <aipipe/aipipe.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- exit codes (docs/cli.md) ------------------------------------------------------------------------------------------------- */
#define EXIT_CODE_OK 0
#define EXIT_CODE_FAILED 1 /* the run or the data failed */
#define EXIT_CODE_USAGE 2  /* the command line is wrong */
#define EXIT_CODE_DAG 3    /* the DAG file or its parameters are wrong */
#define EXIT_CODE_SIGNAL 128

/* ---- memory and text (text_line.c): out of memory ends the command ------------------------------------------------------------- */
void *tool_alloc(size_t n, size_t size); /* zeroed */
void *tool_grow(void *ptr, size_t *capacity, size_t wanted, size_t size);
char *tool_copy(const char *text);

typedef struct line { /* text that grows; always terminated */
    char *bytes;
    size_t n, capacity;
} line;
void line_add(line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void line_bytes(line *l, const char *bytes, size_t n);
/* Text from outside: control characters become '?', and what is wider than max_columns is cut and ends in an ellipsis. */
void line_clean(line *l, const char *text, size_t n, int max_columns);
void line_pad(line *l, int columns); /* spaces */
void line_clear(line *l);
void line_free(line *l);

int text_columns(const char *text, size_t n);             /* columns on a terminal */
void line_count(line *l, int64_t n);                      /* 27,004 */
void line_count_of(line *l, int64_t n, const char *what); /* 1 row, 27,004 rows */
void line_number(line *l, double v);                      /* six digits that count; thousands separated */
void line_bytes_size(line *l, double bytes);              /* 1.2 MB */
void line_seconds(line *l, double seconds);               /* 0.41 s, 2 m 05 s */

/* ---- terminal (term.c) --------------------------------------------------------------------------------------------------------- */
typedef struct terminal {
    FILE *stream;
    bool is_terminal, colour;
    bool moves; /* a terminal whose cursor can be moved: TERM is not dumb */
    int page;   /* columns to fold text at when it is no terminal; 0: not folded */
} terminal;
extern terminal term_out, term_err;
extern bool term_utf8; /* the locale can show blocks and glyphs */

typedef enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour_choice;
typedef enum { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN } style;
void term_setup(colour_choice colour);
int term_width(const terminal *t); /* columns; INT_MAX when it is no terminal and has no page */
int term_height(const terminal *t);
const char *term_style(const terminal *t, style s); /* "" without colour */
const char *term_plain(const terminal *t);          /* ends a style */
void term_put(terminal *t, const line *l);          /* the text and a line end */
/* Text folded at spaces to the terminal's width, further lines indented. The first line starts at column `at`. */
void term_fold(terminal *t, const char *text, int at, int indent);
void term_cursor(bool shown); /* on stderr, when it moves; back by itself when a signal ends the command */
double clock_seconds(void);   /* monotonic */
/* "[####    ]" of so many columns. */
void line_bar(line *l, double fraction, int columns);
/* Flushes stdout. A reader that has gone away is no failure; anything else is EXIT_CODE_FAILED, with a message. */
int term_finish_output(void);

/* ---- talk (talk.c) -------------------------------------------------------------------------------------------------------------- */
extern bool talk_quiet;
void talk_error(const aip_error *err); /* "file:line:column: error: task 'x': message (E_PARAM)"; frees nothing */
void talk_error_text(const char *place, const char *text);
json_t *error_to_json(const aip_error *err);
void talk_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* unless --quiet */
/* The context's log: lines of this level and above. Called from any thread. */
void talk_log(void *user, int32_t level, const char *task, const char *message);
/* While a live view owns the terminal, log lines wait for it. take gives them, to free. */
void talk_hold_log(bool hold);
char *talk_take_log(void);

/* ---- progress of one long call (progress.c) --------------------------------------------------------------------------------------- */
typedef struct progress {
    const char *label;
    double started, drawn;
    aip_progress last;
    bool visible, on_screen;
} progress;
/* Makes call ready: progress line on a terminal, Ctrl-C. */
int32_t progress_begin(progress *p, aip_context *ctx, const char *label, aip_call *call, aip_error **err);
void progress_end(progress *p, aip_call *call);

/* ---- the view of a run (live.c) -------------------------------------------------------------------------------------------------- */
typedef struct task_line {
    char *name;
    int32_t state;
    int64_t rows, bytes;
    double fraction, elapsed, began; /* began: on clock_seconds */
    char phase[48];
} task_line;

typedef struct run_view {
    task_line *tasks;
    size_t n_tasks, capacity, hint;
    bool live;    /* redrawn in place; else a line for each change */
    bool changed; /* since it was last drawn */
    int n_lines;  /* on the screen now */
    double drawn; /* when */
    int n_errors; /* told so far */
    bool silent;
} run_view;
void view_begin(run_view *v, const json_t *description, bool live, bool silent);
void view_event(void *user, const aip_task_event *event); /* of aip_run_on_event */
void view_tick(run_view *v);                              /* redraws when it is time to */
void view_end(run_view *v);                               /* leaves the last picture on the screen */
bool view_is_running(const run_view *v);                  /* some task is */
void view_free(run_view *v);

/* ---- interruption (interrupt.c) --------------------------------------------------------------------------------------------------- */
/* The first SIGINT, SIGTERM or SIGHUP cancels what is watched, or ends the command when nothing is; the second ends the command at once. */
void interrupt_setup(void);
void interrupt_watch_run(aip_run *run);
void interrupt_watch_call(aip_cancel *token);
void interrupt_unwatch(void); /* before the watched handle is freed */
int interrupt_signal(void);   /* the signal that came, or 0 */
/* Writing to a closed pipe: ends the command quietly (true, the default), or is an error like any other (false). */
void interrupt_pipe_ends(bool ends);
bool interrupt_pipe_closed(void); /* something was written to a closed pipe, and that was an error */
int interrupt_end_by_pipe(void);  /* ends the command as the default does; the exit code where the signal is blocked */

/* ---- command line (args.c) -------------------------------------------------------------------------------------------------------- */
typedef struct option {
    const char *name;  /* "threads" */
    const char *value; /* what stands for its value in the help, "N"; NULL: a flag */
    const char *doc;
    char letter; /* "-q"; 0: none */
    bool repeats;
} option;

typedef struct args args;
typedef struct command {
    const char *name, *summary;
    const char *usage;    /* after "aipipe NAME " */
    const char *about;    /* paragraphs, one line each */
    const char *examples; /* lines */
    const option *options;
    int n_options;
    int min_words, max_words; /* words that are no options; max -1: any number */
    bool pipe_is_error;       /* its product is no stream on stdout: a closed pipe does not stop it */
    int (*run)(const args *a);
} command;

struct args {
    const command *command;
    const char **words;
    int n_words;
    const char ***values; /* by option: those of the command, then the global ones */
    int *n_values;
};
extern const option global_options[];
extern const int n_global_options;

bool args_flag(const args *a, const char *name);
const char *args_text(const args *a, const char *name); /* the last one given, or NULL */
const char *const *args_list(const args *a, const char *name, int *n);
/* Fills a from argv; 0, or EXIT_CODE_USAGE with the message written. argv holds what follows the command's name. */
int args_parse(args *a, const command *c, int argc, char **argv);
void args_free(args *a);
int usage_error(const command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define HELP_PAGE 100 /* columns of the help where it goes to no terminal */
void args_help(const command *c);
const char *nearest_name(const char *given, const char *const *names, int n);
/* NAME=VALUE settings of option `name` put into object: a value that is JSON is that value, a list or map as DAG files write it is that; any
 * other is text. params: of
 * aip_dag_describe, or NULL; what is a text there is one whatever it looks like. A path that object has already is not replaced, but refused. */
int args_settings(const args *a, const char *name, const json_t *params, json_t *object);
/* A context as --threads, --memory-limit and --log-level ask for. main_works: the main thread is one of those that work. */
int args_context(const args *a, bool main_works, aip_context **out);
bool args_no_threads(const args *a); /* --threads 0: the main thread has to help */

/* ---- tables (table.c) ----------------------------------------------------------------------------------------------------------------- */
#define TABLE_MAX_COLUMNS 24
typedef struct table {
    int n_columns;
    char **cells; /* row by row; the head is the first */
    size_t n_cells, capacity;
    bool right[TABLE_MAX_COLUMNS];
    int indent;
    bool has_head;
    bool fold_last; /* the last column is prose: folded, not cut */
    int drop[4];    /* columns that are left out one after another while the table is too wide */
    int n_drop;
    bool hidden[TABLE_MAX_COLUMNS];
} table;
/* head: a title that starts with '>' sets its column to the right; NULL: no head. */
void table_begin(table *t, int n_columns, const char *const *head);
void table_cell(table *t, const char *text);         /* copied and cleaned */
void table_line(table *t, line *l);                  /* the same; clears l */
bool table_fits(const table *t, const terminal *to); /* nothing would be cut */
void table_print(table *t, terminal *to);            /* and frees */
void table_free(table *t);

/* ---- tables that are read (read_table.c) ---------------------------------------------------------------------------------------------- */
/* on_bad_row: reject in params, where they say nothing of it and what they read has that choice. */
int32_t set_bad_rows_aside(aip_context *ctx, json_t *params, aip_error **err);
int32_t read_table(aip_context *ctx, const json_t *params, aip_dataset **out, aip_error **err); /* aip_dataset_read */

/* ---- DAG files (dag_file.c) --------------------------------------------------------------------------------------------------------- */
/* The DAG of a file or, named -, of standard input; with it its description. */
int32_t dag_load(aip_context *ctx, const char *path, aip_dag **out, json_t **description, aip_error **err);
/* "{qty: utf8, at: [a, b]}", as a DAG file writes it. NULL: it is no such value. */
json_t *dag_value(const char *text);

/* ---- commands --------------------------------------------------------------------------------------------------------------------------- */
int cmd_run(const args *a);
int cmd_lint(const args *a);
int cmd_inspect(const args *a);
int cmd_convert(const args *a);
int cmd_predict(const args *a);
int cmd_catalog(const args *a);

/* Exit code for an error of the library, after it was printed; frees it. */
int fail(aip_error *err, int code);
/* The same where the parameters come from the command line: a wrong one is EXIT_CODE_USAGE. */
int fail_settings(aip_error *err);
char *json_text(const json_t *j); /* compact, to free */
/* JSON text of the library, in which texts may hold zero bytes. */
int32_t json_take(const char *text, json_t **out, aip_error **err);

#endif
