/* Which vector level the kernels use: found once, feature by feature. AIPIPE_CPU=scalar|avx2|avx512 in the environment, or a test, lowers
 * it. All levels give the same bits. */
#ifndef AIPIPE_LIB_BASE_CPU_H
#define AIPIPE_LIB_BASE_CPU_H

typedef enum { AIP__CPU_SCALAR = 0, AIP__CPU_NEON = 1, AIP__CPU_AVX2 = 2, AIP__CPU_AVX512 = 3 } aip__cpu_level;

aip__cpu_level aip__cpu(void);
/* For tests: the level from now on, no higher than what the machine has; returns what it is. */
aip__cpu_level aip__cpu_set(aip__cpu_level level);
const char *aip__cpu_name(aip__cpu_level level);

#endif
