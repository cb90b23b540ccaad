/* What a person sees of a run: on a terminal one line for each task, redrawn in place at most ten times a second; elsewhere one line when a
 * task starts and one when it ends. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#define BAR_COLUMNS 16
#define BAR_LEAST 6
#define PHASE_COLUMNS 20 /* kept free for the name of the pass */
#define TIME_COLUMNS 10
#define ROWS_COLUMNS 18
#define SPEED_COLUMNS 18
#define PERCENT_COLUMNS 9 /* with the spaces before the name and the bar */
#define LEAST_WORDS 6     /* of a phase or state; less of it says nothing */
#define PERIOD 0.1        /* seconds between pictures */

static bool has_ended(int32_t state) { return state >= AIP_TASK_SUCCESS; }
static bool is_good(int32_t state) { return state == AIP_TASK_SUCCESS || state == AIP_TASK_CACHED; }

static task_line *find_task(run_view *v, const char *name) {
    for (size_t i = 0; i < v->n_tasks; i++) {
        size_t at = (v->hint + i) % v->n_tasks; /* most events are of the task before, or of the next */
        if (strcmp(v->tasks[at].name, name) == 0) {
            v->hint = at;
            return &v->tasks[at];
        }
    }
    v->tasks = tool_grow(v->tasks, &v->capacity, v->n_tasks + 1, sizeof *v->tasks);
    v->tasks[v->n_tasks] = (task_line){.name = tool_copy(name), .fraction = -1};
    return &v->tasks[v->n_tasks++];
}

void view_begin(run_view *v, const json_t *description, bool live, bool silent) {
    *v = (run_view){.live = live && !silent, .silent = silent};
    json_t *tasks = json_object_get(description, "tasks");
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(tasks, i), "task"));
        if (name) find_task(v, name);
    }
    if (v->live) {
        term_cursor(false);
        talk_hold_log(true);
    }
    v->changed = true;
}

static int name_columns(const run_view *v) {
    int most = 4;
    for (size_t i = 0; i < v->n_tasks; i++) {
        int n = text_columns(v->tasks[i].name, strlen(v->tasks[i].name));
        if (n > most) most = n;
    }
    return most > 40 ? 40 : most;
}

/* ---- one line for each change --------------------------------------------------------------------------------------------------- */

static void put_plain(run_view *v, const task_line *t) {
    line l = {0};
    int columns = name_columns(v);
    line_clean(&l, t->name, strlen(t->name), columns);
    line_pad(&l, columns - text_columns(l.bytes, l.n));
    line_add(&l, "  %s", aip_task_state_name(t->state));
    if (has_ended(t->state) && t->elapsed > 0) {
        if (t->rows > 0 && is_good(t->state)) { /* else it is how far a pass had come */
            line_add(&l, "  ");
            line_count_of(&l, t->rows, "row");
        }
        line_add(&l, "  ");
        line_seconds(&l, t->elapsed);
    }
    term_put(&term_err, &l);
    line_free(&l);
}

/* ---- the picture ------------------------------------------------------------------------------------------------------------------ */

static const char *glyph_of(const task_line *t, double now, style *s) {
    static const char *const dots[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}, *const sticks[] = {"|", "/", "-", "\\"};
    int turn = (int)(now * 10);
    *s = is_good(t->state)              ? STYLE_GREEN
         : has_ended(t->state)          ? STYLE_RED
         : t->state == AIP_TASK_RUNNING ? STYLE_CYAN
                                        : STYLE_DIM;
    if (t->state == AIP_TASK_RUNNING) return term_utf8 ? dots[turn % 10] : sticks[turn % 4];
    if (is_good(t->state)) return term_utf8 ? "✓" : "+";
    if (t->state == AIP_TASK_FAILED || t->state == AIP_TASK_TIMED_OUT) return term_utf8 ? "✗" : "x";
    if (has_ended(t->state)) return "-";
    return term_utf8 ? "·" : ".";
}

static void add_right(line *l, const line *cell, int columns) {
    line_pad(l, columns - text_columns(cell->bytes ? cell->bytes : "", cell->n));
    line_bytes(l, cell->bytes, cell->n);
}

static void add_speed(line *cell, const task_line *t, double elapsed) {
    if (elapsed < 0.05 || (t->bytes <= 0 && t->rows <= 0)) return;
    if (t->bytes > 0) {
        line_bytes_size(cell, (double)t->bytes / elapsed);
        line_add(cell, "/s");
    } else {
        line_count(cell, (int64_t)((double)t->rows / elapsed));
        line_add(cell, " rows/s");
    }
}

/* What of a line fits the terminal: the name, the time and a short bar always, then rows, the phase, and last the speed. */
typedef struct columns {
    int names, bar, width; /* width: of all but the glyph */
    bool rows, speed;
} columns;

static columns columns_of(int names, int width) {
    int rest = width - 2 - TIME_COLUMNS - PERCENT_COLUMNS;
    int most = rest - BAR_LEAST > 8 ? rest - BAR_LEAST : 8;
    columns c = {.names = names < most ? names : most, .width = width - 2};
    rest -= c.names;
    c.rows = rest >= ROWS_COLUMNS + BAR_LEAST;
    if (c.rows) rest -= ROWS_COLUMNS;
    c.speed = c.rows && rest >= SPEED_COLUMNS + BAR_LEAST + PHASE_COLUMNS;
    if (c.speed) rest -= SPEED_COLUMNS;
    rest -= PHASE_COLUMNS;
    c.bar = rest < BAR_LEAST ? BAR_LEAST : rest > BAR_COLUMNS ? BAR_COLUMNS : rest;
    return c;
}

/* Everything of the line but its glyph. */
static void compose(const task_line *t, double now, const columns *c, line *l) {
    line cell = {0};
    double elapsed = t->state == AIP_TASK_RUNNING ? now - t->began : t->elapsed;
    bool started = t->state == AIP_TASK_RUNNING || has_ended(t->state);
    line_add(l, " ");
    line_clean(&cell, t->name, strlen(t->name), c->names);
    line_bytes(l, cell.bytes, cell.n);
    line_pad(l, c->names - text_columns(cell.bytes, cell.n));
    line_clear(&cell);
    if (started && elapsed > 0) line_seconds(&cell, elapsed);
    add_right(l, &cell, TIME_COLUMNS);
    line_clear(&cell);
    bool counts = t->state == AIP_TASK_RUNNING || is_good(t->state); /* else it is how far a pass had come */
    if (counts && t->rows > 0) line_count_of(&cell, t->rows, "row");
    if (counts && t->rows == 1) line_pad(&cell, 1);
    if (c->rows) add_right(l, &cell, ROWS_COLUMNS);
    line_clear(&cell);
    if (counts) add_speed(&cell, t, elapsed);
    if (c->speed) add_right(l, &cell, SPEED_COLUMNS);
    const char *what = "";
    if (t->state == AIP_TASK_RUNNING) {
        what = t->phase;
        if (t->fraction >= 0) {
            line_pad(l, 2);
            line_bar(l, t->fraction, c->bar);
            line_add(l, " %3.0f %%", t->fraction * 100);
        }
    } else if (t->state == AIP_TASK_UPSTREAM_FAILED) {
        what = "not run: a task before it failed";
    } else if (has_ended(t->state) && t->state != AIP_TASK_SUCCESS) {
        what = aip_task_state_name(t->state);
    }
    if (*what && c->width - text_columns(l->bytes, l->n) >= 2 + LEAST_WORDS) line_add(l, "  %s", what);
    line_free(&cell);
}

static void erase(run_view *v) {
    if (v->n_lines > 0) fprintf(stderr, "\033[%dA\r\033[J", v->n_lines);
    v->n_lines = 0;
}

static void draw_task(run_view *v, const task_line *t, double now, const columns *c, int width) {
    line l = {0}, cut = {0};
    style s = STYLE_NONE;
    const char *glyph = glyph_of(t, now, &s);
    compose(t, now, c, &l);
    line_clean(&cut, l.bytes, l.n, width - 2);
    fprintf(stderr, "%s%s%s%s\n", term_style(&term_err, s), glyph, term_plain(&term_err), cut.bytes);
    v->n_lines++;
    line_free(&l);
    line_free(&cut);
}

static bool is_urgent(const task_line *t) {
    return t->state == AIP_TASK_RUNNING || t->state == AIP_TASK_FAILED || t->state == AIP_TASK_TIMED_OUT;
}

/* More tasks than lines: those that run or failed first, then as many of the others as fit, then how many there are more. */
static void draw(run_view *v, double now) {
    int width = term_width(&term_err), most = term_height(&term_err) - 2;
    size_t room = most < 3 ? 3 : (size_t)most, hidden = 0, hidden_done = 0;
    columns c = columns_of(name_columns(v), width);
    char *log = talk_take_log();
    erase(v);
    if (log) fputs(log, stderr);
    free(log);
    bool all = v->n_tasks <= room;
    size_t left = all ? v->n_tasks : room - 1;
    for (int pass = all ? 1 : 0; pass < 2; pass++)
        for (size_t i = 0; i < v->n_tasks; i++) {
            const task_line *t = &v->tasks[i];
            if (!all && is_urgent(t) != (pass == 0)) continue;
            if (left > 0) {
                draw_task(v, t, now, &c, width);
                left--;
            } else {
                hidden++;
                hidden_done += has_ended(t->state);
            }
        }
    if (hidden > 0) {
        line l = {0}, cut = {0};
        line_add(&l, "%s and %zu more (%zu done)", term_utf8 ? "…" : "...", hidden, hidden_done);
        line_clean(&cut, l.bytes, l.n, width - 1);
        term_put(&term_err, &cut);
        line_free(&l);
        line_free(&cut);
        v->n_lines++;
    }
    fflush(stderr);
    v->drawn = now;
    v->changed = false;
}

/* ---- events ------------------------------------------------------------------------------------------------------------------------- */

void view_event(void *user, const aip_task_event *event) {
    run_view *v = user;
    task_line *t = find_task(v, event->task);
    int32_t before = t->state;
    t->state = event->state;
    t->elapsed = (double)event->elapsed_ns * 1e-9;
    t->began = clock_seconds() - t->elapsed;
    if (event->rows > 0 || event->phase) t->rows = event->rows;
    if (event->bytes > 0 || event->phase) t->bytes = event->bytes;
    if (event->phase) {
        t->fraction = event->fraction;
        snprintf(t->phase, sizeof t->phase, "%s", event->phase);
    }
    v->changed = true;
    if (!v->live && !v->silent && !event->phase && before != t->state) put_plain(v, t);
    if (event->error && !interrupt_signal()) {
        if (v->live) erase(v);
        talk_error(event->error);
        v->n_errors++;
    }
}

void view_tick(run_view *v) {
    double now = clock_seconds();
    if (v->live && now - v->drawn >= PERIOD) draw(v, now);
}

void view_end(run_view *v) {
    if (!v->live) return;
    draw(v, clock_seconds());
    talk_hold_log(false);
    char *log = talk_take_log();
    if (log) fputs(log, stderr);
    free(log);
    term_cursor(true);
}

bool view_is_running(const run_view *v) {
    for (size_t i = 0; i < v->n_tasks; i++)
        if (v->tasks[i].state == AIP_TASK_RUNNING) return true;
    return false;
}

void view_free(run_view *v) {
    for (size_t i = 0; i < v->n_tasks; i++) free(v->tasks[i].name);
    free(v->tasks);
}
