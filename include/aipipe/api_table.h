/* aipipe/api_table.h: every public function as a member of one struct, through which a loadable module calls the library: by
 * symbol it would not find it in a static host, nor in one that loaded the library privately. It only grows at its end: a module
 * that was built for an older version finds each function where it was, and one that wants a newer function looks at struct_size
 * first (AIP_API_HAS).
 * Written by scripts/api from bindings/api/aipipe.json: not edited by hand. */
#ifndef AIPIPE_API_TABLE_H
#define AIPIPE_API_TABLE_H

#include <aipipe/base.h>
#include <aipipe/bytes.h>
#include <aipipe/catalog.h>
#include <aipipe/connector.h>
#include <aipipe/dag.h>
#include <aipipe/data.h>
#include <aipipe/exec.h>
#include <aipipe/metrics.h>
#include <aipipe/model.h>
#include <aipipe/module.h>
#include <aipipe/package.h>
#include <aipipe/stage.h>
#include <aipipe/validate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
typedef struct aip_api {
    uint32_t struct_size; /* of the library that fills it */
    uint32_t reserved;
    const char *(*status_name)(int32_t status); /* 0.1.0 */
    int32_t (*error_status)(const aip_error *err); /* 0.1.0 */
    const char *(*error_message)(const aip_error *err); /* 0.1.0 */
    const char *(*error_source)(const aip_error *err); /* 0.1.0 */
    int64_t (*error_line)(const aip_error *err); /* 0.1.0 */
    int64_t (*error_column)(const aip_error *err); /* 0.1.0 */
    int64_t (*error_offset)(const aip_error *err); /* 0.1.0 */
    const char *(*error_task)(const aip_error *err); /* 0.1.0 */
    const char *(*error_stage)(const aip_error *err); /* 0.1.0 */
    const char *(*error_parameter)(const aip_error *err); /* 0.1.0 */
    const char *(*error_data_column)(const aip_error *err); /* 0.1.0 */
    const char *(*error_text)(const aip_error *err); /* 0.1.0 */
    void (*error_free)(aip_error *err); /* 0.1.0 */
    int32_t (*error_set)(aip_error **err, int32_t status, const char *message); /* 0.1.0 */
    int32_t (*context_create)(const aip_context_options *options, aip_context **out, aip_error **err); /* 0.1.0 */
    void (*context_close)(aip_context *ctx); /* 0.1.0 */
    void (*context_free)(aip_context *ctx); /* 0.1.0 */
    uint64_t (*context_memory_used)(const aip_context *ctx); /* 0.1.0 */
    uint64_t (*context_memory_peak)(const aip_context *ctx); /* 0.1.0 */
    const char *(*version)(void); /* 0.1.0 */
    const char *(*numeric_profile)(const aip_context *ctx); /* 0.1.0 */
    int32_t (*writer_bytes)(aip_writer *w, const void *bytes, size_t n, aip_error **err); /* 0.1.0 */
    int32_t (*writer_i64)(aip_writer *w, int64_t v, aip_error **err); /* 0.1.0 */
    int32_t (*writer_f64)(aip_writer *w, double v, aip_error **err); /* 0.1.0 */
    int32_t (*writer_text)(aip_writer *w, const char *text, aip_error **err); /* 0.1.0 */
    int32_t (*reader_bytes)(aip_reader *r, void *bytes, size_t n, aip_error **err); /* 0.1.0 */
    int32_t (*reader_i64)(aip_reader *r, int64_t *v, aip_error **err); /* 0.1.0 */
    int32_t (*reader_f64)(aip_reader *r, double *v, aip_error **err); /* 0.1.0 */
    int32_t (*reader_text)(aip_reader *r, const char **text, size_t *n, aip_error **err); /* 0.1.0 */
    size_t (*reader_left)(const aip_reader *r); /* 0.1.0 */
    int32_t (*params_is_null)(const aip_params *params, const char *name); /* 0.1.0 */
    int32_t (*params_given)(const aip_params *params, const char *name); /* 0.1.0 */
    int32_t (*params_bool)(const aip_params *params, const char *name); /* 0.1.0 */
    int64_t (*params_int)(const aip_params *params, const char *name); /* 0.1.0 */
    double (*params_float)(const aip_params *params, const char *name); /* 0.1.0 */
    const char *(*params_string)(const aip_params *params, const char *name); /* 0.1.0 */
    int32_t (*params_n_strings)(const aip_params *params, const char *name); /* 0.1.0 */
    const char *(*params_string_at)(const aip_params *params, const char *name, int32_t i); /* 0.1.0 */
    const char *(*params_json)(const aip_params *params, const char *name); /* 0.1.0 */
    int32_t (*catalog_register)(aip_context *ctx, const aip_descriptor *descriptor, aip_error **err); /* 0.1.0 */
    int32_t (*catalog_json)(aip_context *ctx, const char *name, char **out, aip_error **err); /* 0.1.0 */
    void (*text_free)(aip_context *ctx, char *text); /* 0.1.0 */
    int32_t (*dag_load)(aip_context *ctx, const char *path, aip_dag **out, aip_error **err); /* 0.1.0 */
    int32_t (*dag_parse)(aip_context *ctx, const char *text, const char *base_dir, aip_dag **out, aip_error **err); /* 0.1.0 */
    int32_t (*dag_create)(aip_context *ctx, const char *name, aip_dag **out, aip_error **err); /* 0.1.0 */
    int32_t (*dag_add)(aip_dag *dag, const char *task, const char *definition_json, aip_error **err); /* 0.1.0 */
    int32_t (*dag_add_callback)(aip_dag *dag, const char *task, aip_task_fn fn, void *user, void (*destroy)(void *user), aip_error **err); /* 0.1.0 */
    int32_t (*dag_add_dependency)(aip_dag *dag, const char *before, const char *after, aip_error **err); /* 0.1.0 */
    int32_t (*dag_check)(aip_dag *dag, const char *run_params_json, aip_error **err); /* 0.1.0 */
    int32_t (*dag_describe)(const aip_dag *dag, char **json, aip_error **err); /* 0.1.0 */
    void (*dag_free)(aip_dag *dag); /* 0.1.0 */
    aip_dataset *(*task_dataset)(aip_task_context *task, const char *name); /* 0.1.0 */
    aip_package *(*task_package)(aip_task_context *task, const char *name); /* 0.1.0 */
    int32_t (*task_set_dataset)(aip_task_context *task, const char *name, aip_dataset *dataset, aip_error **err); /* 0.1.0 */
    int32_t (*task_set_package)(aip_task_context *task, const char *name, aip_package *package, aip_error **err); /* 0.1.0 */
    aip_context *(*task_ctx)(aip_task_context *task); /* 0.1.0 */
    const aip_call *(*task_call)(aip_task_context *task); /* 0.1.0 */
    void (*task_log)(aip_task_context *task, int32_t level, const char *message); /* 0.1.0 */
    const char *(*task_state_name)(int32_t state); /* 0.1.0 */
    int32_t (*run_start)(aip_dag *dag, const char *options_json, aip_run **out, aip_error **err); /* 0.1.0 */
    void (*run_on_event)(aip_run *run, aip_task_event_fn fn, void *user); /* 0.1.0 */
    int32_t (*run_wait)(aip_run *run, aip_error **err); /* 0.1.0 */
    int32_t (*run_poll)(aip_run *run, uint64_t now_ns, uint64_t budget_ns); /* 0.1.0 */
    uint64_t (*run_next_deadline)(aip_run *run); /* 0.1.0 */
    int32_t (*run_result)(aip_run *run, aip_error **err); /* 0.1.0 */
    void (*run_cancel)(aip_run *run); /* 0.1.0 */
    int32_t (*run_report)(aip_run *run, char **json, aip_error **err); /* 0.1.0 */
    int32_t (*run_dataset)(aip_run *run, const char *name, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*run_package)(aip_run *run, const char *name, aip_package **out, aip_error **err); /* 0.1.0 */
    void (*run_free)(aip_run *run); /* 0.1.0 */
    const char *(*type_name)(int32_t type); /* 0.1.0 */
    int32_t (*schema_create)(aip_context *ctx, const aip_field *fields, int32_t n, aip_schema **out, aip_error **err); /* 0.1.0 */
    int32_t (*schema_n_fields)(const aip_schema *schema); /* 0.1.0 */
    const aip_field *(*schema_field)(const aip_schema *schema, int32_t i); /* 0.1.0 */
    int32_t (*schema_find)(const aip_schema *schema, const char *name); /* 0.1.0 */
    void (*schema_free)(aip_schema *schema); /* 0.1.0 */
    int64_t (*batch_n_rows)(const aip_batch *batch); /* 0.1.0 */
    const aip_schema *(*batch_schema)(const aip_batch *batch); /* 0.1.0 */
    int32_t (*batch_column)(const aip_batch *batch, int32_t i, aip_column_view *view, aip_error **err); /* 0.1.0 */
    void (*batch_retain)(aip_batch *batch); /* 0.1.0 */
    void (*batch_free)(aip_batch *batch); /* 0.1.0 */
    int32_t (*batch_create)(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_batch **out, aip_error **err); /* 0.1.0 */
    int32_t (*batch_to_arrow)(aip_batch *batch, struct ArrowSchema *schema, struct ArrowArray *array, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_read)(aip_context *ctx, const char *params_json, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_from_columns)(const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_from_batches)(const aip_schema *schema, aip_batch *const *batches, int64_t n, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_from_callbacks)(const aip_schema *schema, const aip_source_callbacks *callbacks, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_from_arrow)(aip_context *ctx, struct ArrowArrayStream *stream, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_to_arrow)(aip_dataset *dataset, struct ArrowArrayStream *out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_transform)(aip_dataset *dataset, aip_stage *stage, aip_dataset **out, aip_error **err); /* 0.1.0 */
    const aip_schema *(*dataset_schema)(const aip_dataset *dataset); /* 0.1.0 */
    int32_t (*dataset_each)(aip_dataset *dataset, const aip_call *call, int32_t (*fn)(void *user, aip_batch *batch, aip_error **err), void *user, aip_row_counts *counts, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_collect)(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_head)(aip_dataset *dataset, int64_t n, const aip_call *call, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_count)(aip_dataset *dataset, const aip_call *call, int64_t *out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_rejects)(aip_dataset *dataset, const aip_call *call, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_write)(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_row_counts *counts, aip_error **err); /* 0.1.0 */
    int32_t (*dataset_split)(aip_dataset *dataset, const char *params_json, const aip_call *call, aip_dataset **train, aip_dataset **test, aip_error **err); /* 0.1.0 */
    void (*dataset_retain)(aip_dataset *dataset); /* 0.1.0 */
    void (*dataset_free)(aip_dataset *dataset); /* 0.1.0 */
    void (*job_run)(aip_job *job); /* 0.1.0 */
    void (*job_drop)(aip_job *job); /* 0.1.0 */
    int32_t (*cancel_create)(aip_context *ctx, aip_cancel **out, aip_error **err); /* 0.1.0 */
    void (*cancel_request)(aip_cancel *token); /* 0.1.0 */
    int32_t (*cancel_requested)(const aip_cancel *token); /* 0.1.0 */
    void (*cancel_free)(aip_cancel *token); /* 0.1.0 */
    int32_t (*dataset_evaluate)(aip_dataset *predicted, const char *truth, const char *metrics_json, const aip_call *call, char **json, aip_error **err); /* 0.1.0 */
    int32_t (*model_create)(aip_context *ctx, const char *name, const char *params_json, aip_model **out, aip_error **err); /* 0.1.0 */
    int32_t (*model_fit)(aip_model *model, aip_dataset *dataset, const char *target, const aip_call *call, aip_model **fitted, aip_error **err); /* 0.1.0 */
    int32_t (*model_is_fitted)(const aip_model *model); /* 0.1.0 */
    int32_t (*model_predict)(aip_model *model, aip_dataset *dataset, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*model_describe)(const aip_model *model, char **json, aip_error **err); /* 0.1.0 */
    const char *(*model_name)(const aip_model *model); /* 0.1.0 */
    void (*model_free)(aip_model *model); /* 0.1.0 */
    int32_t (*package_fit)(aip_context *ctx, aip_stage *pipeline, aip_model *model, aip_dataset *dataset, const char *target, const aip_call *call, aip_package **out, aip_error **err); /* 0.1.0 */
    int32_t (*package_evaluate)(aip_package *package, aip_dataset *dataset, const char *metrics_json, const aip_call *call, char **json, aip_error **err); /* 0.1.0 */
    int32_t (*package_with_metrics)(aip_package *package, const char *metrics_json, aip_package **out, aip_error **err); /* 0.1.0 */
    int32_t (*package_predict)(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err); /* 0.1.0 */
    int32_t (*package_save)(aip_package *package, const char *path, aip_error **err); /* 0.1.0 */
    int32_t (*package_load)(aip_context *ctx, const char *path, aip_package **out, aip_error **err); /* 0.1.0 */
    int32_t (*package_to_bytes)(aip_package *package, char **bytes, size_t *n, aip_error **err); /* 0.1.0 */
    int32_t (*package_from_bytes)(aip_context *ctx, const void *bytes, size_t n, aip_package **out, aip_error **err); /* 0.1.0 */
    int32_t (*package_describe)(aip_package *package, char **json, aip_error **err); /* 0.1.0 */
    void (*package_retain)(aip_package *package); /* 0.1.0 */
    void (*package_free)(aip_package *package); /* 0.1.0 */
    int32_t (*scorer_create)(aip_package *package, const char *params_json, aip_scorer **out, aip_error **err); /* 0.1.0 */
    int32_t (*scorer_bind)(aip_scorer *scorer, const char *column, int32_t type, size_t offset, aip_error **err); /* 0.1.0 */
    int32_t (*scorer_run)(aip_scorer *scorer, const void *rows, size_t stride, int64_t n, double *out, aip_error **err); /* 0.1.0 */
    void (*scorer_free)(aip_scorer *scorer); /* 0.1.0 */
    int32_t (*stage_create)(aip_context *ctx, const char *name, const char *params_json, const aip_input *inputs, int32_t n_inputs, aip_stage **out, aip_error **err); /* 0.1.0 */
    int32_t (*stage_pipeline)(aip_context *ctx, aip_stage *const *stages, int32_t n, aip_stage **out, aip_error **err); /* 0.1.0 */
    int32_t (*stage_fit)(aip_stage *stage, aip_dataset *dataset, const aip_call *call, aip_stage **fitted, aip_error **err); /* 0.1.0 */
    int32_t (*stage_is_fitted)(const aip_stage *stage); /* 0.1.0 */
    int32_t (*stage_output_schema)(aip_stage *stage, const aip_schema *in, aip_schema **out, aip_error **err); /* 0.1.0 */
    int32_t (*stage_apply)(aip_stage *stage, const aip_batch *in, aip_batch **out, aip_error **err); /* 0.1.0 */
    const char *(*stage_name)(const aip_stage *stage); /* 0.1.0 */
    int32_t (*stage_rows)(const aip_stage *stage); /* 0.1.0 */
    void (*stage_free)(aip_stage *stage); /* 0.1.0 */
    void (*schema_retain)(aip_schema *schema); /* 0.2.0 */
    void (*model_retain)(aip_model *model); /* 0.2.0 */
    int32_t (*package_create)(aip_context *ctx, aip_stage *pipeline, aip_model *model, const aip_schema *input, const char *target, aip_package **out, aip_error **err); /* 0.2.0 */
    int32_t (*package_pipeline)(aip_package *package, aip_stage **out, aip_error **err); /* 0.2.0 */
    int32_t (*package_model)(aip_package *package, aip_model **out, aip_error **err); /* 0.2.0 */
    const aip_schema *(*package_inputs)(const aip_package *package); /* 0.2.0 */
    int32_t (*package_transform)(aip_package *package, aip_dataset *dataset, aip_dataset **out, aip_error **err); /* 0.2.0 */
    int32_t (*stage_describe)(const aip_stage *stage, char **json, aip_error **err); /* 0.2.0 */
    void (*stage_retain)(aip_stage *stage); /* 0.2.0 */
    int32_t (*error_copy)(aip_error **err, const aip_error *from); /* 0.2.0 */
    int32_t (*stage_n_stages)(const aip_stage *stage); /* 0.2.0 */
    int32_t (*pass_cancelled)(const aip_pass *pass); /* 0.2.0 */
    aip_stage *(*stage_at)(aip_stage *stage, int32_t i); /* 0.2.0 */
    int32_t (*pass_reject)(aip_pass *pass, int64_t line, const char *column, int64_t offset, const char *reason, const char *raw, size_t n, aip_error **err); /* 0.2.0 */
    int32_t (*batch_derive)(const aip_batch *base, const aip_schema *schema, const aip_column_view *columns, int32_t n_columns, aip_batch **out, aip_error **err); /* 0.2.0 */
    int32_t (*scorer_prepare)(aip_scorer *scorer, const char **by_batches, aip_error **err); /* 0.2.0 */
    int32_t (*module_load)(aip_context *ctx, const char *path_or_name, aip_error **err); /* 0.2.0 */
    int32_t (*dataset_profile)(aip_dataset *dataset, const char *params_json, const aip_call *call, char **json, aip_error **err); /* 0.2.0 */
    int32_t (*read_explain)(aip_context *ctx, const char *params_json, char **json, aip_error **err); /* 0.3.0 */
    int32_t (*dataset_report)(const aip_dataset *dataset, char **json, aip_error **err); /* 0.3.0 */
} aip_api;
/* clang-format on */

/* 1 when the table has this member: AIP_API_HAS(api, stage_create). */
#define AIP_API_HAS(api, member) ((api)->struct_size >= offsetof(aip_api, member) + sizeof((api)->member))

#ifdef __cplusplus
}
#endif
#endif
