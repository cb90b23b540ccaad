/* Bytes of strings are copied 32 at a time, and where one of them cannot simply stand in a JSON string is seen on the way: how escapes are taken out
 * (json_text.c) and put in (json_write.c). SSE2 is there on every x86-64; elsewhere eight bytes in a word. */
#ifndef AIPIPE_LIB_FORMATS_JSON_COPY_H
#define AIPIPE_LIB_FORMATS_JSON_COPY_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define AIP__JSON_COPY 32 /* bytes that are copied together */

/* Copies AIP__JSON_COPY bytes; bit i: the i-th is a quote, a backslash or a control character. */
static inline uint32_t aip__json_copy(char *to, const char *from) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    uint32_t stops = 0;
    for (int i = 0; i < AIP__JSON_COPY; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        __m128i s = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        s = _mm_or_si128(s, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        stops |= (uint32_t)_mm_movemask_epi8(s) << i;
    }
    return stops;
#else
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    uint32_t stops = 0;
    for (int i = 0; i < AIP__JSON_COPY; i += 8) {
        uint64_t v = 0;
        memcpy(&v, from + i, 8);
        memcpy(to + i, &v, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        uint64_t others =
            (((quote & ~highs) + ~highs) | quote) & (((slash & ~highs) + ~highs) | slash) & (((v & ~highs) + ones * 0x60) | v);
        stops |= (uint32_t)(((~others & highs) >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
    }
    return stops;
#endif
}

#endif
