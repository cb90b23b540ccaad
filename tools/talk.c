/* What the command says on stderr: errors with their place, notes, and the library's log. */
#include "tool.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool talk_quiet;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static bool log_held;
static line log_waiting;

/* Folded on a terminal; one line elsewhere, so that other programs can read it. */
static void put_error(const char *place, const char *text) {
    const char *where = place ? place : "aipipe";
    fprintf(stderr, "%s%s:%s %serror:%s ", term_style(&term_err, STYLE_BOLD), where, term_plain(&term_err),
            term_style(&term_err, STYLE_RED), term_plain(&term_err));
    term_fold(&term_err, text, text_columns(where, strlen(where)) + 9, 2);
}

void talk_error_text(const char *place, const char *text) { put_error(place, text); }

void talk_error(const aip_error *err) {
    line place = {0}, text = {0};
    const char *source = aip_error_source(err), *task = aip_error_task(err), *stage = aip_error_stage(err);
    int64_t row = aip_error_line(err), column = aip_error_column(err);
    if (source) line_clean(&place, source, strlen(source), INT32_MAX);
    if (row > 0) line_add(&place, source ? ":%lld" : "line %lld", (long long)row);
    if (row > 0 && column > 0) line_add(&place, ":%lld", (long long)column);
    if (task) line_add(&text, "task '%s': ", task);
    if (stage) line_add(&text, "stage '%s': ", stage);
    line_clean(&text, aip_error_message(err), strlen(aip_error_message(err)), INT32_MAX);
    line_add(&text, " (%s)", aip_status_name(aip_error_status(err)));
    put_error(place.n ? place.bytes : NULL, text.bytes);
    line_free(&place);
    line_free(&text);
}

static void set_text(json_t *object, const char *key, const char *text) {
    if (text) json_object_set_new(object, key, json_string(text));
}

json_t *error_to_json(const aip_error *err) {
    json_t *j = json_object();
    set_text(j, "status", aip_status_name(aip_error_status(err)));
    set_text(j, "message", aip_error_message(err));
    set_text(j, "source", aip_error_source(err));
    if (aip_error_line(err) > 0) json_object_set_new(j, "line", json_integer(aip_error_line(err)));
    if (aip_error_column(err) > 0) json_object_set_new(j, "column", json_integer(aip_error_column(err)));
    set_text(j, "task", aip_error_task(err));
    set_text(j, "stage", aip_error_stage(err));
    set_text(j, "parameter", aip_error_parameter(err));
    set_text(j, "data_column", aip_error_data_column(err));
    return j;
}

void talk_note(const char *format, ...) {
    if (talk_quiet) return;
    line l = {0};
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    line_clean(&l, text, strlen(text), term_width(&term_err));
    term_put(&term_err, &l);
    line_free(&l);
}

int fail(aip_error *err, int code) {
    if (interrupt_signal()) {
        talk_error_text(NULL, "interrupted");
        code = EXIT_CODE_SIGNAL + interrupt_signal();
    } else {
        talk_error(err);
    }
    aip_error_free(err);
    return code;
}

int fail_settings(aip_error *err) {
    int32_t status = aip_error_status(err);
    bool is_setting = status == AIP_E_PARAM || (status == AIP_E_SYNTAX && !aip_error_source(err));
    return fail(err, is_setting ? EXIT_CODE_USAGE : EXIT_CODE_FAILED);
}

char *json_text(const json_t *j) {
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    if (!text) text = tool_copy("null");
    return text;
}

int32_t json_take(const char *text, json_t **out, aip_error **err) {
    json_error_t why;
    json_t *j = json_loads(text, JSON_ALLOW_NUL, &why);
    if (!j) {
        char message[sizeof why.text + 64];
        snprintf(message, sizeof message, "the library's JSON cannot be read: %s", why.text);
        return aip_error_set(err, AIP_E_INTERNAL, message);
    }
    *out = j;
    return AIP_OK;
}

/* ---- log -------------------------------------------------------------------------------------------------------------------------- */

void talk_log(void *user, int32_t level, const char *task, const char *message) {
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    const int32_t *most = user;
    if (level > *most || level < AIP_LOG_ERROR) return;
    line l = {0};
    style s = level <= AIP_LOG_WARNING ? STYLE_YELLOW : STYLE_DIM;
    line_add(&l, "%s  %s%s%s  ", task ? task : "aipipe", term_style(&term_err, s),
             names[level <= AIP_LOG_DEBUG ? level : AIP_LOG_DEBUG], term_plain(&term_err));
    line_clean(&l, message, strlen(message), INT32_MAX);
    line_add(&l, "\n");
    pthread_mutex_lock(&log_lock);
    if (log_held)
        line_bytes(&log_waiting, l.bytes, l.n);
    else
        fwrite(l.bytes, 1, l.n, stderr);
    pthread_mutex_unlock(&log_lock);
    line_free(&l);
}

void talk_hold_log(bool hold) {
    pthread_mutex_lock(&log_lock);
    log_held = hold;
    pthread_mutex_unlock(&log_lock);
}

char *talk_take_log(void) {
    pthread_mutex_lock(&log_lock);
    char *text = log_waiting.bytes;
    log_waiting = (line){0};
    pthread_mutex_unlock(&log_lock);
    return text;
}
