/* Making errors. An error is one line of message and the place it applies to; it lives outside the context's allocator (plain malloc),
 * because it may outlive the context, and falls back to a static object when even that fails. */
#ifndef AIPIPE_LIB_BASE_ERROR_H
#define AIPIPE_LIB_BASE_ERROR_H

#include <aipipe/base.h>
#include <stdarg.h>

/* Sets *err (if err is not NULL) to a new error and returns status. An error that *err already holds is freed first. */
int32_t aip__error_set(aip_error **err, int32_t status, const char *format, ...) __attribute__((format(printf, 3, 4)));
int32_t aip__error_setv(aip_error **err, int32_t status, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
/* "cannot open 'x': No such file or directory": appends strerror(errno_value). Status AIP_E_NOT_FOUND for ENOENT, AIP_E_NOMEM for ENOMEM,
 * else AIP_E_IO. */
int32_t aip__error_errno(aip_error **err, int errno_value, const char *format, ...) __attribute__((format(printf, 3, 4)));
int32_t aip__error_nomem(aip_error **err);

/* After a host's function: a status that came without an error gets one, so that a failed call always says something. Returns status. */
int32_t aip__error_of_host(aip_error **err, int32_t status, const char *what);

/* Say where an error applies. Each does nothing when err or *err is NULL, and keeps what was set before (the innermost place wins). */
void aip__error_at_source(aip_error **err, const char *source);
void aip__error_at_line(aip_error **err, int64_t line, int64_t column);
void aip__error_at_offset(aip_error **err, int64_t offset);
void aip__error_at_task(aip_error **err, const char *task);
void aip__error_at_stage(aip_error **err, const char *stage);
void aip__error_at_parameter(aip_error **err, const char *parameter);
void aip__error_at_data_column(aip_error **err, const char *column);

/* A copy, for handing one stored error to several callers. Never NULL for a non-NULL err. */
aip_error *aip__error_copy(const aip_error *err);
/* Moves `from` into *err (or frees it when err is NULL); returns its status. */
int32_t aip__error_move(aip_error **err, aip_error *from);

#if defined(__clang_analyzer__) && !defined(AIP__ERROR_INSIDE)
/* The static analyser reads one file at a time: it must be told that a reported error is never AIP_OK, or it walks paths that are not. */
static inline int32_t aip__never_ok(int32_t status) {
    if (status == AIP_OK) __builtin_unreachable();
    return status;
}
#define aip__error_set(...) aip__never_ok(aip__error_set(__VA_ARGS__))
#define aip__error_errno(...) aip__never_ok(aip__error_errno(__VA_ARGS__))
#define aip__error_nomem(...) aip__never_ok(aip__error_nomem(__VA_ARGS__))
#endif

/* First line of every fallible public function. */
#define AIP__BEGIN(err)         \
    do {                        \
        if (err) *(err) = NULL; \
    } while (0)

/* Leaves with a status that is not AIP_OK. */
#define AIP__TRY(expr)                           \
    do {                                         \
        int32_t aip__st_ = (expr);               \
        if (aip__st_ != AIP_OK) return aip__st_; \
    } while (0)

#endif
