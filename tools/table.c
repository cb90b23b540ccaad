/* Tables of text: columns as wide as what they hold, made narrower until they fit the terminal. */
#include "tool.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SHORTENED 16
#define NARROWEST 8 /* columns are not cut below this while another can give */

void table_begin(table *t, int n_columns, const char *const *head) {
    *t = (table){.n_columns = n_columns, .has_head = head != NULL};
    for (int i = 0; head && i < n_columns; i++) {
        t->right[i] = head[i][0] == '>';
        table_cell(t, head[i] + t->right[i]);
    }
}

void table_cell(table *t, const char *text) {
    line l = {0};
    line_clean(&l, text, strlen(text), INT_MAX);
    t->cells = tool_grow(t->cells, &t->capacity, t->n_cells + 1, sizeof *t->cells);
    t->cells[t->n_cells++] = l.bytes;
}

void table_line(table *t, line *l) {
    table_cell(t, l->bytes ? l->bytes : "");
    line_clear(l);
}

static int total(const table *t, const int *widths) {
    int sum = t->indent;
    for (int i = 0; i < t->n_columns; i++) sum += t->hidden[i] ? 0 : widths[i] + (i > 0 ? 2 : 0);
    return sum;
}

/* Takes a column off the widest text column, then off the widest of all, until the table fits. */
static void fit(const table *t, int *widths, int most) {
    int n = t->n_columns - (t->fold_last ? 1 : 0);
    while (total(t, widths) > most) {
        int widest = -1;
        for (int pass = 0; pass < 2 && widest < 0; pass++)
            for (int i = 0; i < n; i++) {
                if (t->hidden[i] || widths[i] <= NARROWEST || (pass == 0 && t->right[i])) continue;
                if (widest < 0 || widths[i] > widths[widest]) widest = i;
            }
        if (widest < 0) break;
        widths[widest]--;
    }
}

static void print_cell(const table *t, line *l, const char *cell, int column, int width) {
    line cut = {0};
    line_clean(&cut, cell, strlen(cell), width);
    int pad = width - text_columns(cut.bytes, cut.n);
    if (t->right[column]) line_pad(l, pad);
    line_bytes(l, cut.bytes, cut.n);
    if (!t->right[column] && column + 1 < t->n_columns) line_pad(l, pad);
    line_free(&cut);
}

void table_free(table *t) {
    for (size_t i = 0; i < t->n_cells; i++) free(t->cells[i]);
    free(t->cells);
    *t = (table){0};
}

static void measure(const table *t, int *widths) {
    for (size_t i = 0; i < t->n_cells; i++) {
        int column = (int)(i % (size_t)t->n_columns), w = text_columns(t->cells[i], strlen(t->cells[i]));
        if (t->fold_last && column == t->n_columns - 1 && w > 30) w = 30;
        if (w > widths[column]) widths[column] = w;
    }
}

bool table_fits(const table *t, const terminal *to) {
    int widths[TABLE_MAX_COLUMNS] = {0};
    measure(t, widths);
    return total(t, widths) <= term_width(to);
}

/* Hides what may be left out, while even names cut to SHORTENED columns would not make the table fit. */
static void drop(table *t, const int *widths, int most) {
    int least[TABLE_MAX_COLUMNS] = {0};
    for (int i = 0; i < t->n_columns; i++) least[i] = !t->right[i] && widths[i] > SHORTENED ? SHORTENED : widths[i];
    for (int i = 0; i < t->n_drop && total(t, least) > most; i++) t->hidden[t->drop[i]] = true;
}

void table_print(table *t, terminal *to) {
    int widths[TABLE_MAX_COLUMNS] = {0}, most = term_width(to);
    measure(t, widths);
    drop(t, widths, most);
    fit(t, widths, most);
    for (size_t row = 0; row < t->n_cells / (size_t)t->n_columns; row++) {
        char **cells = t->cells + row * (size_t)t->n_columns;
        bool is_head = t->has_head && row == 0;
        line l = {0};
        line_pad(&l, t->indent);
        int last = t->n_columns - (t->fold_last && !is_head ? 1 : 0);
        for (int i = 0; i < last; i++) {
            if (t->hidden[i]) continue;
            if (i > 0) line_pad(&l, 2);
            print_cell(t, &l, cells[i], i, widths[i]);
        }
        while (l.n > 0 && l.bytes[l.n - 1] == ' ' && last == t->n_columns) l.bytes[--l.n] = 0;
        line cut = {0};
        line_clean(&cut, l.bytes, l.n, most);
        if (is_head)
            fprintf(to->stream, "%s%s%s\n", term_style(to, STYLE_BOLD), cut.bytes, term_plain(to));
        else if (last < t->n_columns) {
            line_pad(&cut, 2);
            int at = text_columns(cut.bytes, cut.n);
            fputs(cut.bytes, to->stream);
            term_fold(to, cells[last], at, at);
        } else
            term_put(to, &cut);
        line_free(&l);
        line_free(&cut);
    }
    table_free(t);
}
