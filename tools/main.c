/* aipipe: data pipelines at a shell. Finds the command, reads its options, runs it; the exit codes are in docs/cli.md. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

static const option run_options[] = {
    {"set", "NAME=VALUE", "a parameter of the DAG; may be repeated", 0, true},
    {"json", NULL, "the run's report as JSON on stdout, instead of the metrics as text", 0, false},
};
static const option lint_options[] = {
    {"set", "NAME=VALUE", "a parameter of the DAGs; may be repeated", 0, true},
    {"json", NULL, "the findings as JSON on stdout", 0, false},
};
static const option inspect_options[] = {
    {"head", "N", "how many of the first rows to show; 5 without this option", 0, false},
    {"set", "NAME=VALUE", "a parameter of read (aipipe catalog read); may be repeated", 0, true},
    {"json", NULL, "the same as JSON on stdout", 0, false},
};
static const option convert_options[] = {
    {"rejects", "FILE", "writes every record that is rejected to a file: source, line, column, byte_offset, reason, raw", 0,
     false},
    {"checkpoint", "FILE",
     "reads only what is new since FILE was written, into numbered outputs OUT-00000001, ..., and moves it on", 0, false},
    {"set", "NAME=VALUE", "a parameter of read, for IN; may be repeated", 0, true},
    {"write", "NAME=VALUE", "a parameter of write, for OUT; may be repeated", 0, true},
    {"json", NULL, "rows, rejects, bytes and seconds as JSON on stdout", 0, false},
};
static const option predict_options[] = {
    {"output", "OUT", "the file to write, whole or not at all; stdout without this option", 0, false},
    {"set", "NAME=VALUE", "a parameter of read, for DATA; may be repeated", 0, true},
    {"write", "NAME=VALUE", "a parameter of write, for OUT; may be repeated", 0, true},
};
static const option catalog_options[] = {
    {"json", NULL, "the entries as JSON", 0, false},
};
#define OPTIONS(o) .options = (o), .n_options = sizeof(o) / sizeof *(o)

static const command commands[] = {
    {.name = "run",
     .summary = "runs a DAG file",
     .usage = "FILE [--set NAME=VALUE]... [--threads N] [--memory-limit SIZE] [--json] [--quiet]",
     .about =
         "Runs the tasks of a DAG file (YAML or JSON; - for standard input), in parallel where they do not depend on each other. On a terminal each task has a "
         "line that moves; elsewhere a line is written when a task starts and when it ends. Metrics go to stdout, everything else to "
         "stderr. Ctrl-C stops cleanly, nothing is left half-written; a second one stops at once.\n"
         "A VALUE that is JSON (0.3, true, [1, 2]), or a list or map as DAG files write it ({age: 3}), is that value; any other is text.",
     .examples = "  aipipe run flights.yaml\n"
                 "  aipipe run flights.yaml --set test_size=0.3 --set models=/srv/models\n"
                 "  aipipe run flights.yaml --json > report.json\n",
     OPTIONS(run_options),
     .min_words = 1,
     .max_words = 1,
     .pipe_is_error = true,
     .run = cmd_run},
    {.name = "lint",
     .summary = "checks DAG files without running them",
     .usage = "FILE... [--set NAME=VALUE]... [--json]",
     .about =
         "Checks DAG files (- for standard input): operators, parameters, names, order, expressions and input files. Runs nothing. Each error is a line "
         "FILE:LINE:COLUMN: error: MESSAGE on stderr.",
     .examples = "  aipipe lint dags/*.yaml\n"
                 "  aipipe lint flights.yaml --set test_size=0.3\n",
     OPTIONS(lint_options),
     .min_words = 1,
     .max_words = -1,
     .run = cmd_lint},
    {.name = "inspect",
     .summary = "shows what a table or a package holds",
     .usage = "DATA [--head N] [--set NAME=VALUE]... [--json]",
     .about =
         "Of a table (a file, a pattern in quotes, or - for standard input): columns with type, missing and distinct values, range, mean, "
         "quantiles and a histogram, the first rows, and what was rejected. One pass in bounded memory; what is estimated is marked ~.\n"
         "Of a model package (.aip): its inputs, pipeline, model, metrics and provenance.",
     .examples = "  aipipe inspect data/flights-2013-01.csv.gz\n"
                 "  aipipe inspect 'data/flights-*.csv.gz' --head 10\n"
                 "  aipipe inspect readings.txt --set format=csv --set 'delimiter=;' --set 'null_values=[\"-\", \"NA\"]'\n"
                 "  aipipe inspect models/flights.aip\n",
     OPTIONS(inspect_options),
     .min_words = 1,
     .max_words = 1,
     .run = cmd_inspect},
    {.name = "convert",
     .summary = "writes a table in another format",
     .usage = "IN OUT [--rejects FILE] [--checkpoint FILE] [--set NAME=VALUE]... [--write NAME=VALUE]... [--json]",
     .about =
         "Reads IN (a file, a pattern in quotes, or -) and writes OUT, whole or not at all. The formats follow from the extensions. With "
         "--rejects rows that do not fit are set aside (unless --set on_bad_row says otherwise); without it they are an error.",
     .examples = "  aipipe convert flights.csv flights.csv.gz\n"
                 "  aipipe convert 'flights-*.csv.gz' year.csv.gz --write compression_level=9\n"
                 "  aipipe convert export.txt clean.csv --set format=csv --set 'delimiter=|'\n"
                 "  aipipe convert dirty.csv clean.csv --rejects rejects.csv\n"
                 "  aipipe convert 'logs/*.csv' archive/log.csv.gz --checkpoint logs.json     # again and again\n",
     OPTIONS(convert_options),
     .min_words = 2,
     .max_words = 2,
     .pipe_is_error = true,
     .run = cmd_convert},
    {.name = "predict",
     .summary = "predicts a table with a model package",
     .usage = "PACKAGE DATA [--output OUT] [--set NAME=VALUE]... [--write NAME=VALUE]...",
     .about =
         "Adds the model's columns (prediction; probability of the positive class) to each row of DATA, in order, one answer per row, as "
         "CSV on stdout or to OUT. Columns are found by name.",
     .examples = "  aipipe predict models/flights.aip five-flights.csv\n"
                 "  aipipe predict models/flights.aip 'new/*.csv.gz' --output scored.csv.gz\n",
     OPTIONS(predict_options),
     .min_words = 2,
     .max_words = 2,
     .run = cmd_predict},
    {.name = "catalog",
     .summary = "lists stages, models, operators, formats and their parameters",
     .usage = "[NAME] [--json]",
     .about =
         "Without NAME: everything that a DAG file can name, by kind. With NAME: its parameters. Where kinds share a name, KIND.NAME says "
         "which: format.csv.",
     .examples = "  aipipe catalog\n"
                 "  aipipe catalog simple_imputer\n"
                 "  aipipe catalog read --json\n",
     OPTIONS(catalog_options),
     .min_words = 0,
     .max_words = 1,
     .run = cmd_catalog},
};
#define N_COMMANDS ((int)(sizeof commands / sizeof *commands))

static const command *find_command(const char *name) {
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static void help(terminal *t) {
    t->page = HELP_PAGE;
    const char *bold = term_style(t, STYLE_BOLD), *plain = term_plain(t);
    fprintf(t->stream, "%saipipe%s COMMAND ...", bold, plain);
    term_fold(t, ": data pipelines from raw files to predictions", 18, 2);
    fprintf(t->stream, "\n%sCommands%s\n", bold, plain);
    for (int i = 0; i < N_COMMANDS; i++) {
        fprintf(t->stream, "  %-9s ", commands[i].name);
        term_fold(t, commands[i].summary, 12, 12);
    }
    fprintf(t->stream, "\n");
    term_fold(t, "aipipe COMMAND --help: options and examples of a command", 0, 2);
    term_fold(t, "aipipe --version: the library's version", 0, 2);
}

static int wrong_command(const char *name) {
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) names[i] = commands[i].name;
    const char *near = nearest_name(name, names, N_COMMANDS);
    if (name[0] == '-') return usage_error(NULL, "unknown option '%s'; options follow the command", name);
    return near ? usage_error(NULL, "unknown command '%s'; did you mean %s?", name, near)
                : usage_error(NULL, "unknown command '%s'", name);
}

/* Colour is needed before the first message, so it is looked for before the options are read. */
static int early_colour(char **words, colour_choice *out) {
    *out = COLOUR_AUTO;
    for (; *words && strcmp(*words, "--") != 0; words++) {
        const char *when = NULL;
        if (strcmp(*words, "--color") == 0) when = words[1];
        if (strncmp(*words, "--color=", 8) == 0) when = *words + 8;
        if (!when) continue;
        if (strcmp(when, "always") == 0)
            *out = COLOUR_ALWAYS;
        else if (strcmp(when, "never") == 0)
            *out = COLOUR_NEVER;
        else if (strcmp(when, "auto") != 0)
            return usage_error(NULL, "--color %s: expected auto, always or never", when);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        printf("aipipe %s\n", aip_version());
        return fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILED;
    }
    colour_choice colour = COLOUR_AUTO;
    term_setup(COLOUR_AUTO);
    int code = early_colour(argc > 0 ? argv + 1 : argv, &colour);
    if (code) return code;
    term_setup(colour);
    if (argc < 2) {
        help(&term_err);
        return EXIT_CODE_USAGE;
    }
    bool asks = strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    const command *c = find_command(asks && argc > 2 ? argv[2] : argv[1]);
    if (asks && (c || argc == 2)) {
        if (c)
            args_help(c);
        else
            help(&term_out);
        return term_finish_output();
    }
    if (!c) return wrong_command(asks ? argv[2] : argv[1]);
    args a = {0};
    code = args_parse(&a, c, argc - 2, argv + 2);
    if (code == 0 && args_flag(&a, "help")) {
        args_help(c);
        code = term_finish_output();
    } else if (code == 0) {
        talk_quiet = args_flag(&a, "quiet");
        interrupt_setup();
        interrupt_pipe_ends(!c->pipe_is_error && !(c->run == cmd_predict && args_text(&a, "output")));
        code = c->run(&a);
        int written = term_finish_output();
        if (code == 0) code = written;
    }
    args_free(&a);
    return code;
}
