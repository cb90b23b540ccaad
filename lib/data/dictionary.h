/* Sets of distinct texts with codes in order of first appearance, and what dictionary columns need of them. */
#ifndef AIPIPE_LIB_DATA_DICTIONARY_H
#define AIPIPE_LIB_DATA_DICTIONARY_H

#include "data/column.h"
#include "data/utf8.h"

typedef struct aip__text_set {
    aip_context *ctx;
    aip__utf8_builder texts; /* row = code */
    int32_t *slots;          /* open addressing, power of two, -1 empty */
    size_t n_slots;
} aip__text_set;
int32_t aip__text_set_begin(aip__text_set *s, aip_context *ctx, int64_t expected, aip_error **err);
/* The code of a text, new or known. */
int32_t aip__text_set_add(aip__text_set *s, const char *bytes, size_t n, int32_t *code, aip_error **err);
static inline int64_t aip__text_set_count(const aip__text_set *s) { return s->texts.length; }
/* The texts as a utf8 column; the set is empty afterwards. */
int32_t aip__text_set_end(aip__text_set *s, aip__column **texts, aip_error **err);
void aip__text_set_abandon(aip__text_set *s);

/* Texts without nulls, made distinct: they themselves (retained) when they are, else others and, in *map (aip__free), the new code of each old
 * one. *map is left alone otherwise. */
int32_t aip__dictionary_distinct(const aip__column *texts, aip__column **distinct, int32_t **map, aip_error **err);
/* Each valid code becomes map[code]. */
void aip__dictionary_rewrite(int32_t *codes, const uint8_t *validity, int64_t n, const int32_t *map);

/* Rewrites the codes of dictionary columns laid one after the other into codes of one dictionary that holds the texts of all. */
int32_t aip__dictionary_join(aip_context *ctx, aip__column *const *parts, int32_t n, int32_t *codes, aip__column **texts,
                             aip_error **err);

/* Checks offsets[0 .. n] of host memory: not negative, rising, and each valid text UTF-8 (when `utf8`). validity (may be NULL) is read from bit
 * validity_start on; first_row is the number of the first row in messages. */
int32_t aip__texts_check(const int32_t *offsets, const char *bytes, const uint8_t *validity, int64_t validity_start, int64_t n,
                         bool utf8, int64_t first_row, aip_error **err);
/* Copies n checked texts; validity (may be NULL) is read from bit validity_start on; what lies at nulls is left out. */
int32_t aip__texts_copy(aip_context *ctx, int32_t type, const int32_t *offsets, const char *bytes, const uint8_t *validity,
                        int64_t validity_start, int64_t n, aip__column **out, aip_error **err);

#endif
