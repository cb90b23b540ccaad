/* aipipe/validate.h: what a table holds. */
#ifndef AIPIPE_VALIDATE_H
#define AIPIPE_VALIDATE_H

#include <aipipe/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The profile of a table, from one pass in bounded memory: the same bits for any number of threads. params_json: {"head": 5, "rejects": 5,
 * "top": 3}, how many first rows, rejected records and most frequent texts are given; NULL for these defaults. Result, to free with
 * aip_text_free:
 *   {"rows", "rejected", "columns": [...], "head": [{column: value}, ...], "rejects": [...]}
 * Of each column: name, type, missing (null or NaN); but for binary: distinct (up to 10,000) and distinct_is_exact; of numbers, dates and
 * timestamps: min, max; of numbers: mean, quantiles {"0.05", "0.25", "0.5", "0.75", "0.95"} (linear between neighbours, as numpy's default),
 * quantiles_are_exact, sample_size and a histogram of 12 equal bins from min to max (of the finite values); of texts and bools: top [{"value",
 * "count"}], the most frequent first, at most 64 bytes of each. Quantiles and histogram of more than 100,000 values come from a sample of
 * 50,000 to 100,000 of them; tables of more than 100 columns get less of both. Dates and timestamps are texts. What is not finite is
 * "Infinity", "-Infinity" or "NaN" (in first rows, and as the mean of both infinities or of a sum beyond a double); before 0.3.0 it was null.
 * Errors: AIP_E_PARAM, AIP_E_MEMORY_LIMIT, and what the pass meets. any-thread */
AIP_API int32_t aip_dataset_profile(aip_dataset *dataset, const char *params_json, const aip_call *call, char **json,
                                    aip_error **err);

#ifdef __cplusplus
}
#endif
#endif
