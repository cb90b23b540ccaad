/* The kernels of logistic regression at every vector level: logistic_body.h compiled once per instruction set. The baseline (SSE2 or NEON, two
 * doubles to a vector) is the reference that a test holds the others equal to. Fusing multiply and add is off for the whole tree, and no level
 * names an instruction set that would make the compiler do otherwise. */
#include "math/logistic.h"

#define LEVEL(name) baseline_##name
#define W 2
#define TILE_COLUMNS 2
#include "math/logistic_body.h"
#undef LEVEL
#undef W
#undef TILE_COLUMNS

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define LEVEL(name) avx2_##name
#define W 4
#define TILE_COLUMNS 2
#include "math/logistic_body.h"
#undef LEVEL
#undef W
#undef TILE_COLUMNS
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,avx512f,avx512dq,avx512vl,avx512bw"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")
#endif
#define LEVEL(name) avx512_##name
#define W 8
#define TILE_COLUMNS 4
#include "math/logistic_body.h"
#undef LEVEL
#undef W
#undef TILE_COLUMNS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

const aip__logistic_kernels *aip__logistic_kernels_now(void) {
#if defined(__x86_64__)
    if (aip__cpu() == AIP__CPU_AVX512) return &avx512_kernels;
    if (aip__cpu() == AIP__CPU_AVX2) return &avx2_kernels;
#endif
    return &baseline_kernels;
}
