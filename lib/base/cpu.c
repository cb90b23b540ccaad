/* CPU dispatch: the highest vector level that this machine and operating system run, or the lower one that AIPIPE_CPU asks for. Looked up
 * once; later calls are one load. */
#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(int) chosen = -1;

static aip__cpu_level highest(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
        && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl"))
            return AIP__CPU_AVX512;
        return AIP__CPU_AVX2;
    }
    return AIP__CPU_SCALAR;
#elif defined(__aarch64__)
    return AIP__CPU_NEON; /* part of the base architecture */
#else
    return AIP__CPU_SCALAR;
#endif
}

static aip__cpu_level lowered(aip__cpu_level wanted) {
    aip__cpu_level most = highest();
    if (wanted >= most) return most;
    if (wanted == AIP__CPU_NEON) return AIP__CPU_SCALAR; /* not a step of x86 */
    return most == AIP__CPU_NEON ? AIP__CPU_SCALAR : wanted;
}

static aip__cpu_level from_environment(void) {
    const char *wanted = getenv("AIPIPE_CPU");
    for (int level = AIP__CPU_SCALAR; wanted && level <= AIP__CPU_AVX512; level++)
        if (strcmp(wanted, aip__cpu_name((aip__cpu_level)level)) == 0) return lowered((aip__cpu_level)level);
    return highest();
}

aip__cpu_level aip__cpu(void) {
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = (int)from_environment();
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (aip__cpu_level)level;
}

aip__cpu_level aip__cpu_set(aip__cpu_level level) {
    level = lowered(level);
    atomic_store_explicit(&chosen, (int)level, memory_order_relaxed);
    return level;
}

bool aip__cpu_has_vbmi2(void) {
#if defined(__x86_64__)
    static _Atomic(int) known = -1;
    int has = atomic_load_explicit(&known, memory_order_relaxed);
    if (has < 0) {
        __builtin_cpu_init();
        has = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")
              && __builtin_cpu_supports("avx512bitalg") && __builtin_cpu_supports("avx512vpopcntdq");
        atomic_store_explicit(&known, has, memory_order_relaxed);
    }
    return has && aip__cpu() == AIP__CPU_AVX512;
#else
    return false;
#endif
}

const char *aip__cpu_name(aip__cpu_level level) {
    static const char *const names[] = {"scalar", "neon", "avx2", "avx512"};
    return names[level];
}
