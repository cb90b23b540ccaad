/* Which vector level the kernels use: found once, feature by feature. AIPIPE_CPU=scalar|avx2|avx512 in the environment, or a test, lowers
 * it. All levels give the same bits. */
#ifndef AIPIPE_LIB_BASE_CPU_H
#define AIPIPE_LIB_BASE_CPU_H

#include <stdbool.h>

typedef enum { AIP__CPU_SCALAR = 0, AIP__CPU_NEON = 1, AIP__CPU_AVX2 = 2, AIP__CPU_AVX512 = 3 } aip__cpu_level;

aip__cpu_level aip__cpu(void);
/* For tests: the level from now on, no higher than what the machine has; returns what it is. */
aip__cpu_level aip__cpu_set(aip__cpu_level level);
/* At level avx512: whether bytes can be compressed, expanded, permuted and counted too (VBMI, VBMI2, BITALG, VPOPCNTDQ), which the level does
 * not promise. */
bool aip__cpu_has_vbmi2(void);
const char *aip__cpu_name(aip__cpu_level level);

#endif
