/* The terminals behind stdout and stderr: whether they are any, how wide, which colours, and how a bar is drawn. */
#include "tool.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

terminal term_out, term_err;
bool term_utf8;

static bool wants_colour(const terminal *t, colour_choice choice) {
    const char *no = getenv("NO_COLOR");
    if (choice != COLOUR_AUTO) return choice == COLOUR_ALWAYS;
    return t->moves && !(no && *no);
}

void term_setup(colour_choice colour) {
    setlocale(LC_CTYPE, "");
    term_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    term_out = (terminal){.stream = stdout, .is_terminal = isatty(STDOUT_FILENO) == 1};
    term_err = (terminal){.stream = stderr, .is_terminal = isatty(STDERR_FILENO) == 1};
    const char *kind = getenv("TERM");
    bool knows_escapes = kind && *kind && strcmp(kind, "dumb") != 0;
    term_out.moves = term_out.is_terminal && knows_escapes;
    term_err.moves = term_err.is_terminal && knows_escapes;
    term_out.colour = wants_colour(&term_out, colour);
    term_err.colour = wants_colour(&term_err, colour);
}

static bool window(const terminal *t, struct winsize *size) {
    return t->is_terminal && ioctl(fileno(t->stream), TIOCGWINSZ, size) == 0;
}

int term_width(const terminal *t) {
    struct winsize size;
    if (!t->is_terminal) return t->page ? t->page : INT_MAX;
    return window(t, &size) && size.ws_col > 0 ? size.ws_col : 80;
}

int term_height(const terminal *t) {
    struct winsize size;
    return window(t, &size) && size.ws_row > 0 ? size.ws_row : 24;
}

const char *term_style(const terminal *t, style s) {
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[36m"};
    return t->colour ? codes[s] : "";
}

const char *term_plain(const terminal *t) { return t->colour ? "\033[0m" : ""; }

void term_put(terminal *t, const line *l) {
    if (l->n) fwrite(l->bytes, 1, l->n, t->stream);
    fputc('\n', t->stream);
}

/* A word wider than a line is broken where the line ends; the column after it. */
static int put_word(terminal *t, const char *word, size_t n, int at, int indent, int width) {
    while (n > 0) {
        size_t fits = at + text_columns(word, n) <= width ? n : 1;
        while (fits < n && (((unsigned char)word[fits] & 0xc0) == 0x80 || at + text_columns(word, fits + 1) <= width)) fits++;
        fwrite(word, 1, fits, t->stream);
        at += text_columns(word, fits);
        word += fits;
        n -= fits;
        if (n > 0) fprintf(t->stream, "\n%*s", indent, "");
        if (n > 0) at = indent;
    }
    return at;
}

void term_fold(terminal *t, const char *text, int at, int indent) {
    int width = term_width(t);
    if (width < indent + 20) width = indent + 20;
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, " ");
        int columns = text_columns(text, n);
        if (!first && at + 1 + columns > width) {
            fprintf(t->stream, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', t->stream);
            at++;
        }
        at = put_word(t, text, n, at, indent, width);
        first = false;
        text += n;
        if (*text) text++;
    }
    fputc('\n', t->stream);
}

void term_cursor(bool shown) {
    if (!term_err.moves) return;
    fputs(shown ? "\033[?25h" : "\033[?25l", stderr);
    fflush(stderr);
}

double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void line_bar(line *l, double fraction, int columns) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (fraction < 0) fraction = 0;
    if (fraction > 1) fraction = 1;
    int filled = (int)(fraction * columns * 8);
    if (term_utf8) {
        for (int i = 0; i < filled / 8; i++) line_add(l, "█");
        line_add(l, "%s", eighths[filled % 8]);
        line_pad(l, columns - filled / 8 - (filled % 8 > 0));
    } else {
        line_add(l, "[");
        for (int i = 0; i < columns - 2; i++) line_add(l, i < (int)(fraction * (columns - 2)) ? "#" : "-");
        line_add(l, "]");
    }
}

int term_finish_output(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return EXIT_CODE_OK;
    if (errno == EPIPE) return EXIT_CODE_OK;
    line l = {0};
    line_add(&l, "cannot write to standard output%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
    talk_error_text(NULL, l.bytes);
    line_free(&l);
    return EXIT_CODE_FAILED;
}
