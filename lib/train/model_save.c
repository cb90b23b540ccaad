/* A fitted model as bytes, little-endian, and back:
 *
 *   i64       layout, 1
 *   text      target            i64  rows it was fitted on
 *   i64       n features        n x text  their names
 *             classes (metrics/classes.h)
 *             what the kind of model learned
 *
 * Name and parameters are kept by whoever keeps the bytes. Bytes are hostile: every count is held against what is left before memory is taken. */
#include "train/model_inside.h"

#include "base/bytes.h"
#include "data/dictionary.h"
#include <string.h>

#define LAYOUT 1

int32_t aip__model_save(const aip_model *model, aip_writer *w, aip_error **err) {
    if (!model->fitted)
        return aip__error_set(err, AIP_E_STATE, "the model '%s' is not fitted: there is nothing to save", aip_model_name(model));
    AIP__TRY(aip_writer_i64(w, LAYOUT, err));
    AIP__TRY(aip_writer_text(w, model->target, err));
    AIP__TRY(aip_writer_i64(w, model->n_rows, err));
    AIP__TRY(aip_writer_i64(w, model->features->n, err));
    for (int32_t i = 0; i < model->features->n; i++) AIP__TRY(aip_writer_text(w, model->names[i], err));
    AIP__TRY(aip__classes_save(&model->classes, w, err));
    return model->spec->ops->save(model->learned, w, err);
}

/* A copy with a NUL; a text that holds one, is empty or is not UTF-8 cannot be a column's name. */
static int32_t read_name(aip_context *ctx, aip_reader *r, char **out, aip_error **err) {
    const char *text = NULL;
    size_t n = 0;
    AIP__TRY(aip_reader_text(r, &text, &n, err));
    if (n == 0 || memchr(text, 0, n) || !aip__utf8_valid(text, n))
        return aip__error_set(err, AIP_E_CORRUPT, "a column's name in a saved model is not a text");
    *out = aip__strndup(ctx, text, n);
    return *out ? AIP_OK : aip__error_memory(ctx, err);
}

static int32_t read_features(aip_model *m, aip_reader *r, aip_error **err) {
    int64_t n = 0;
    AIP__TRY(aip_reader_i64(r, &n, err));
    if (n < 1 || n > INT32_MAX - 8 || (uint64_t)n > aip_reader_left(r) / 8)
        return aip__error_set(err, AIP_E_CORRUPT, "a saved model announces %lld features, more than its bytes hold",
                              (long long)n);
    char **names = aip__calloc(m->ctx, (size_t)n, sizeof *names);
    int32_t status = names ? AIP_OK : aip__error_memory(m->ctx, err);
    for (int64_t i = 0; status == AIP_OK && i < n; i++) status = read_name(m->ctx, r, &names[i], err);
    if (status == AIP_OK) {
        status = aip__model_set_features(m, (const char *const *)names, (int32_t)n, err);
        if (status == AIP_E_SCHEMA) status = aip__error_set(err, AIP_E_CORRUPT, "a saved model has two features of one name");
    }
    for (int64_t i = 0; names && i < n; i++) aip__free(m->ctx, names[i]);
    aip__free(m->ctx, names);
    return status;
}

static int32_t read_model(aip_model *m, aip_reader *r, aip_error **err) {
    int64_t layout = 0;
    AIP__TRY(aip_reader_i64(r, &layout, err));
    if (layout > LAYOUT)
        return aip__error_set(err, AIP_E_UNSUPPORTED, "the model was saved by a later version (layout %lld; this one reads %d)",
                              (long long)layout, LAYOUT);
    if (layout != LAYOUT)
        return aip__error_set(err, AIP_E_CORRUPT, "a saved model has layout %lld: expected 1", (long long)layout);
    AIP__TRY(read_name(m->ctx, r, &m->target, err));
    AIP__TRY(aip_reader_i64(r, &m->n_rows, err));
    if (m->n_rows < 1) return aip__error_set(err, AIP_E_CORRUPT, "a saved model learned from %lld rows", (long long)m->n_rows);
    AIP__TRY(read_features(m, r, err));
    aip__classes_init(&m->classes, m->ctx, 0);
    AIP__TRY(aip__classes_load(&m->classes, r, AIP__MODEL_CLASSES, true, err));
    if (m->classes.n != AIP__MODEL_CLASSES)
        return aip__error_set(err, AIP_E_CORRUPT, "a saved model has %d classes: expected %d", (int)m->classes.n,
                              AIP__MODEL_CLASSES);
    AIP__TRY(m->spec->ops->load(m->ctx, m->features->n, r, &m->learned, err));
    m->fitted = true;
    return AIP_OK;
}

int32_t aip__model_load(aip_context *ctx, const char *name, const char *params_json, aip_reader *r, aip_model **out,
                        aip_error **err) {
    aip_model *m = NULL;
    AIP__TRY(aip_model_create(ctx, name, params_json, &m, err));
    int32_t status = read_model(m, r, err);
    if (status == AIP_OK)
        *out = m;
    else
        aip_model_free(m);
    return status;
}
