/* The error object. Text fields are separate allocations so that places can be added as an error travels up; a place that cannot be
 * stored is left out rather than failing the report. */
#define AIP__ERROR_INSIDE
#include "base/error.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aip_error {
    int32_t status;
    int32_t is_static;
    int64_t line, column, offset;
    char *message, *source, *task, *stage, *parameter, *data_column;
    _Atomic(char *) text; /* made when first asked for */
};

static aip_error out_of_memory = {
    .status = AIP_E_NOMEM, .is_static = 1, .offset = -1, .message = (char *)(uintptr_t) "out of memory"};

static char *copy_text(const char *text) {
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    if (copy) memcpy(copy, text, n);
    return copy;
}

int32_t aip__error_nomem(aip_error **err) {
    if (err) {
        if (*err) aip_error_free(*err);
        *err = &out_of_memory;
    }
    return AIP_E_NOMEM;
}

int32_t aip__error_setv(aip_error **err, int32_t status, const char *format, va_list args) {
    if (status == AIP_OK) status = AIP_E_INTERNAL;
    if (!err) return status;
    if (status == AIP_E_NOMEM) return aip__error_nomem(err);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    aip_error *e = calloc(1, sizeof *e);
    char *message = n >= 0 ? malloc((size_t)n + 1) : NULL;
    if (!e || !message) {
        free(e);
        free(message);
        aip__error_nomem(err);
        return status;
    }
    vsnprintf(message, (size_t)n + 1, format, args);
    for (char *p = message; *p; p++) /* one line, whatever the data holds */
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    e->status = status;
    e->offset = -1;
    e->message = message;
    if (*err) aip_error_free(*err); /* only now: the arguments may be its texts */
    *err = e;
    return status;
}

int32_t aip__error_set(aip_error **err, int32_t status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    status = aip__error_setv(err, status, format, args);
    va_end(args);
    return status;
}

/* strerror_r comes in two kinds: glibc's returns the text, POSIX's (musl, macOS) fills the buffer. */
static const char *errno_text(int errno_value, char *why, size_t size) {
#ifdef __GLIBC__
    return strerror_r(errno_value, why, size);
#else
    return strerror_r(errno_value, why, size) == 0 ? why : "unknown error";
#endif
}

int32_t aip__error_errno(aip_error **err, int errno_value, const char *format, ...) {
    char what[512], why[128] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int32_t status = errno_value == ENOENT ? AIP_E_NOT_FOUND : errno_value == ENOMEM ? AIP_E_NOMEM : AIP_E_IO;
    return aip__error_set(err, status, "%s: %s", what, errno_text(errno_value, why, sizeof why));
}

int32_t aip_error_set(aip_error **err, int32_t status, const char *message) {
    return aip__error_set(err, status, "%s", message ? message : "");
}

int32_t aip_error_copy(aip_error **err, const aip_error *from) {
    if (!from) return aip__error_set(err, AIP_E_INTERNAL, "an error without status and message was handed on");
    int32_t status = from->status;
    if (err && *err != from) {
        aip_error *copy = aip__error_copy(from);
        if (*err) aip_error_free(*err);
        *err = copy;
    }
    return status;
}

int32_t aip__error_of_host(aip_error **err, int32_t status, const char *what) {
    if (status != AIP_OK && err && !*err)
        aip__error_set(err, status, "%s failed with status %d and no message", what, (int)status);
    return status;
}

static int can_place(aip_error **err) { return err && *err && !(*err)->is_static; }

static void forget_text(aip_error *e) { /* made before a place was known */
    free(atomic_exchange(&e->text, NULL));
}

static void place(aip_error **err, char **field, const char *value) {
    if (!*field && value) *field = copy_text(value);
    forget_text(*err);
}

void aip__error_at_source(aip_error **err, const char *source) {
    if (can_place(err)) place(err, &(*err)->source, source);
}
void aip__error_at_task(aip_error **err, const char *task) {
    if (can_place(err)) place(err, &(*err)->task, task);
}
void aip__error_at_stage(aip_error **err, const char *stage) {
    if (can_place(err)) place(err, &(*err)->stage, stage);
}
void aip__error_at_parameter(aip_error **err, const char *parameter) {
    if (can_place(err)) place(err, &(*err)->parameter, parameter);
}
void aip__error_at_data_column(aip_error **err, const char *column) {
    if (can_place(err)) place(err, &(*err)->data_column, column);
}
void aip__error_at_line(aip_error **err, int64_t line, int64_t column) {
    if (!can_place(err) || (*err)->line != 0) return;
    (*err)->line = line;
    (*err)->column = column;
    forget_text(*err);
}
void aip__error_at_offset(aip_error **err, int64_t offset) {
    if (can_place(err) && (*err)->offset < 0) (*err)->offset = offset;
}

aip_error *aip__error_copy(const aip_error *err) {
    if (!err || err->is_static) return &out_of_memory;
    aip_error *e = NULL;
    aip__error_set(&e, err->status, "%s", err->message);
    if (e->is_static) return e;
    e->line = err->line, e->column = err->column, e->offset = err->offset;
    e->source = copy_text(err->source), e->task = copy_text(err->task), e->stage = copy_text(err->stage);
    e->parameter = copy_text(err->parameter), e->data_column = copy_text(err->data_column);
    return e;
}

int32_t aip__error_move(aip_error **err, aip_error *from) {
    int32_t status = aip_error_status(from);
    if (err) {
        if (*err && *err != from) aip_error_free(*err);
        *err = from;
    } else {
        aip_error_free(from);
    }
    return status;
}

int32_t aip_error_status(const aip_error *err) { return err ? err->status : AIP_OK; }
const char *aip_error_message(const aip_error *err) { return err && err->message ? err->message : ""; }
const char *aip_error_source(const aip_error *err) { return err ? err->source : NULL; }
int64_t aip_error_line(const aip_error *err) { return err ? err->line : 0; }
int64_t aip_error_column(const aip_error *err) { return err ? err->column : 0; }
int64_t aip_error_offset(const aip_error *err) { return err ? err->offset : -1; }
const char *aip_error_task(const aip_error *err) { return err ? err->task : NULL; }
const char *aip_error_stage(const aip_error *err) { return err ? err->stage : NULL; }
const char *aip_error_parameter(const aip_error *err) { return err ? err->parameter : NULL; }
const char *aip_error_data_column(const aip_error *err) { return err ? err->data_column : NULL; }

const char *aip_error_text(const aip_error *err) {
    if (!err) return "";
    if (err->is_static) return err->message;
    aip_error *e = (aip_error *)(uintptr_t)err; /* the cached text is not part of the value */
    char *have = atomic_load(&e->text);
    if (have) return have;
    char place_text[96] = "";
    if (err->line > 0 && err->column > 0)
        snprintf(place_text, sizeof place_text, ":%lld:%lld", (long long)err->line, (long long)err->column);
    else if (err->line > 0)
        snprintf(place_text, sizeof place_text, ":%lld", (long long)err->line);
    const char *task = err->task, *stage = err->stage;
    int n = 0;
    char *text = NULL;
    for (int pass = 0; pass < 2; pass++) {
        n = snprintf(text, text ? (size_t)n + 1 : 0, "%s%s%s%s%s%s%s%s%s%s",
                     err->source     ? err->source
                     : err->line > 0 ? "line"
                                     : "",
                     place_text, err->source || err->line > 0 ? ": " : "", task ? "task '" : "", task ? task : "",
                     task ? "': " : "", stage ? "stage '" : "", stage ? stage : "", stage ? "': " : "", err->message);
        if (n < 0 || (!text && !(text = malloc((size_t)n + 1)))) return err->message;
    }
    char *none = NULL;
    if (!atomic_compare_exchange_strong(&e->text, &none, text)) {
        free(text);
        return none;
    }
    return text;
}

void aip_error_free(aip_error *err) {
    if (!err || err->is_static) return;
    free(err->message);
    free(err->source);
    free(err->task);
    free(err->stage);
    free(err->parameter);
    free(err->data_column);
    free(atomic_load(&err->text));
    free(err);
}

const char *aip_status_name(int32_t status) {
    static const char *const names[] = {"OK",          "E_NOMEM",   "E_MEMORY_LIMIT", "E_MISUSE",      "E_STATE",     "E_PARAM",
                                        "E_SYNTAX",    "E_SCHEMA",  "E_DATA",         "E_IO",          "E_NOT_FOUND", "E_CORRUPT",
                                        "E_CANCELLED", "E_TIMEOUT", "E_AGAIN",        "E_UNSUPPORTED", "E_NUMERIC",   "E_CHANGED",
                                        "E_TASK",      "E_FORKED",  "E_INTERNAL"};
    if (status > 0) return "HOST";
    if (status < AIP_E_INTERNAL) return "E_UNKNOWN";
    return names[-status];
}
