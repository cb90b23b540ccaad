/* The floating-point mode that results are computed in: round to nearest, no traps, denormals kept. Work brings its thread into it and
 * gives the thread back as it was: a host may have flushed denormals or enabled traps. */
#ifndef AIPIPE_LIB_EXEC_FLOAT_MODE_H
#define AIPIPE_LIB_EXEC_FLOAT_MODE_H

#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE__
#include <xmmintrin.h>
#define AIP__MXCSR_DEFAULT 0x1f80u /* all exceptions masked, round to nearest, neither FTZ nor DAZ */
#endif

typedef struct aip__float_mode {
    fenv_t env;
#ifdef __SSE__
    unsigned mxcsr; /* not every C library's fenv_t covers FTZ and DAZ */
#endif
#if defined(__x86_64__)
    bool as_it_was; /* the mode is the right one already, as nearly always: nothing is set, and a call costs nanoseconds less */
#endif
} aip__float_mode;

#if defined(__x86_64__)
#define AIP__MXCSR_FLAGS 0x3fu  /* what has happened, as against what shall be done */
#define AIP__X87_DEFAULT 0x37fu /* all exceptions masked, round to nearest, 64 bits */
#endif

static inline void aip__float_mode_enter(aip__float_mode *saved) {
#ifdef __SSE__
    saved->mxcsr = _mm_getcsr();
#endif
#if defined(__x86_64__)
    uint16_t x87 = 0;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    saved->as_it_was = (saved->mxcsr & ~AIP__MXCSR_FLAGS) == AIP__MXCSR_DEFAULT && x87 == AIP__X87_DEFAULT;
    if (saved->as_it_was) return;
#endif
    fegetenv(&saved->env);
    fesetenv(FE_DFL_ENV);
#ifdef __SSE__
    _mm_setcsr(AIP__MXCSR_DEFAULT);
#endif
}

static inline void aip__float_mode_leave(const aip__float_mode *saved) {
#if defined(__x86_64__)
    if (saved->as_it_was) return; /* with the flags that our work raised, as after any arithmetic */
#endif
    fesetenv(&saved->env);
#ifdef __SSE__
    _mm_setcsr(saved->mxcsr);
#endif
}

#endif
