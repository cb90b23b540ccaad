/* train_test_split: two parts of a dataset, with scikit-learn's choice of rows. */
#ifndef AIPIPE_LIB_TRANSFORM_SPLIT_H
#define AIPIPE_LIB_TRANSFORM_SPLIT_H

#include "base/catalog.h"
#include "data/dataset.h"

/* The parameters, for whatever in the catalogue splits: {"test_size": 0.2, "random_state": 42}. */
extern const aip_param_spec aip__split_params[];
extern const int32_t aip__split_n_params;

/* Whether the parameters (a map; NULL: defaults) make sense, each and together; errors carry their place in `source`. */
int32_t aip__split_check(aip_context *ctx, const aip__node *params, const char *source, aip_error **err);

/* params: a map (NULL: defaults); source is for messages, NULL when it is not from a file. Counts the rows (a pass, kept in memory when it
 * fits) unless the method is `hash`. Rows keep their order in both parts. */
int32_t aip__split_dataset(aip_dataset *d, const aip__node *params, const char *source, aip__token *token, aip_dataset **train,
                           aip_dataset **test, aip_error **err);

#endif
