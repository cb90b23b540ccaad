/* The floating-point mode that results are computed in: round to nearest, no traps, denormals kept. Work brings its thread into it and
 * gives the thread back as it was: a host may have flushed denormals or enabled traps. */
#ifndef AIPIPE_LIB_EXEC_FLOAT_MODE_H
#define AIPIPE_LIB_EXEC_FLOAT_MODE_H

#include <fenv.h>
#ifdef __SSE__
#include <xmmintrin.h>
#define AIP__MXCSR_DEFAULT 0x1f80u /* all exceptions masked, round to nearest, neither FTZ nor DAZ */
#endif

typedef struct aip__float_mode {
    fenv_t env;
#ifdef __SSE__
    unsigned mxcsr; /* not every C library's fenv_t covers FTZ and DAZ */
#endif
} aip__float_mode;

static inline void aip__float_mode_enter(aip__float_mode *saved) {
#ifdef __SSE__
    saved->mxcsr = _mm_getcsr();
#endif
    fegetenv(&saved->env);
    fesetenv(FE_DFL_ENV);
#ifdef __SSE__
    _mm_setcsr(AIP__MXCSR_DEFAULT);
#endif
}

static inline void aip__float_mode_leave(const aip__float_mode *saved) {
    fesetenv(&saved->env);
#ifdef __SSE__
    _mm_setcsr(saved->mxcsr);
#endif
}

#endif
