/* For loops that spin: tells the processor so. */
#ifndef AIPIPE_LIB_EXEC_PAUSE_H
#define AIPIPE_LIB_EXEC_PAUSE_H

static inline void aip__cpu_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
