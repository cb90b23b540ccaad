/* Stages as JSON text: what they are, and what they learned in scikit-learn's words. Each kind writes its own learned values (the `describe` of
 * its functions); what a host's kind writes is held to be a JSON object before it is shown. */
#include "base/bytes.h"
#include "base/document.h"
#include "data/stage.h"
#include "exec/float_mode.h"
#include <string.h>

/* Parameters of a table with any name (derive's `*`, kept as a list of pairs, since their order counts) are an object in their order, which is how
 * they are written. */
void aip__stage_params_json(const aip__stage_spec *s, aip__text *t) {
    if (!s->params) {
        aip__text_str(t, "null");
        return;
    }
    bool any_name = s->descriptor->n_params == 1 && strcmp(s->descriptor->params[0].name, "*") == 0;
    if (!any_name) {
        aip__text_str(t, aip__params_canonical(s->params));
        return;
    }
    const aip__node *pairs = aip__params_node(s->params, "*");
    for (int32_t i = 0; i < pairs->n; i++) {
        const aip__node *name = pairs->items[i]->items[0];
        aip__text_char(t, i ? ',' : '{');
        aip__text_json(t, name->string, name->length);
        aip__text_char(t, ':');
        aip__node_write(pairs->items[i]->items[1], t);
    }
    aip__text_str(t, pairs->n ? "}" : "{}");
}

static bool can_describe(const aip_stage_ops *ops) {
    return ops->struct_size >= offsetof(aip_stage_ops, describe) + sizeof ops->describe && ops->describe;
}

static int32_t add_learned(const aip_stage *s, aip__text *t, aip_error **err) {
    if (!s->spec || !s->learned || !can_describe(s->spec->ops)) {
        aip__text_str(t, "null");
        return AIP_OK;
    }
    aip_writer w;
    aip__document *d = NULL;
    aip__writer_init(&w, s->ctx);
    aip__float_mode mode; /* the bits are those of any other computation, whatever mode the host's thread is in */
    aip__float_mode_enter(&mode);
    int32_t status = s->spec->ops->describe(s->spec->self, s->learned->fitted, &w, err);
    aip__float_mode_leave(&mode);
    status = aip__error_of_host(err, status, "describe");
    if (status == AIP_OK && w.text.failed) status = aip__error_memory(s->ctx, err);
    if (status == AIP_OK) {
        status = aip__json_parse(s->ctx, w.text.bytes ? w.text.bytes : "", w.text.n, NULL, &d, NULL);
        if (status == AIP_E_NOMEM || status == AIP_E_MEMORY_LIMIT)
            status = aip__error_memory(s->ctx, err);
        else if (status != AIP_OK || aip__document_root(d)->kind != AIP__MAP)
            status = aip__error_set(err, AIP_E_MISUSE, "describe wrote text that is not a JSON object");
    }
    if (status == AIP_OK)
        aip__text_add(t, w.text.bytes, w.text.n);
    else
        aip__error_at_stage(err, aip_stage_name(s));
    aip__document_free(d);
    aip__writer_free(&w);
    return status;
}

static const char *rows_name(int32_t rows) { return rows == AIP_ROWS_SAME ? "same" : rows == AIP_ROWS_FEWER ? "fewer" : "other"; }

/* All but the closing brace. */
static int32_t add_stage(const aip_stage *s, aip__text *t, aip_error **err) {
    const char *name = aip_stage_name(s);
    aip__text_str(t, "{\"name\":");
    aip__text_json(t, name, strlen(name));
    aip__text_str(t, ",\"params\":");
    if (s->spec)
        aip__stage_params_json(s->spec, t);
    else
        aip__text_str(t, "{}");
    aip__text_printf(t, ",\"rows\":\"%s\",\"fitted\":%s,\"learned\":", rows_name(aip_stage_rows(s)),
                     aip_stage_is_fitted(s) ? "true" : "false");
    return add_learned(s, t, err);
}

int32_t aip_stage_describe(const aip_stage *s, char **json, aip_error **err) {
    AIP__BEGIN(err);
    if (!s || !json) return aip__error_set(err, AIP_E_MISUSE, "aip_stage_describe: expected a stage and json");
    aip__text t;
    aip__text_init(&t, s->ctx);
    int32_t status = add_stage(s, &t, err);
    if (status == AIP_OK && !s->spec) {
        aip__text_str(&t, ",\"stages\":[");
        for (int32_t i = 0; status == AIP_OK && i < s->n; i++) {
            if (i > 0) aip__text_char(&t, ',');
            status = add_stage(s->stages[i], &t, err);
            aip__text_char(&t, '}');
        }
        aip__text_char(&t, ']');
    }
    aip__text_char(&t, '}');
    if (status == AIP_OK) status = aip__text_take(&t, json, NULL, err);
    aip__text_free(&t);
    return status;
}
