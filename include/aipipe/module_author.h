/* aipipe/module_author.h: for the source of a loadable module, in place of aipipe/aipipe.h. Below it every aip_x(...) is a call through
 * the table that the library gave, so the module is linked with nothing. In one file of the module, without a semicolon:
 *
 *     static int32_t start(aip_context *ctx, aip_error **err) { return aip_catalog_register(ctx, &my_connector, err); }
 *     AIP_MODULE_DEFINE(start)
 *
 * Build it as a shared object with hidden symbols: cc -shared -fPIC -fvisibility=hidden my.c -o my.so
 * Written by scripts/api from bindings/api/aipipe.json: not edited by hand. */
#ifndef AIPIPE_MODULE_AUTHOR_H
#define AIPIPE_MODULE_AUTHOR_H

#include <aipipe/api_table.h>

#ifdef __cplusplus
#define AIP_MODULE_C extern "C"
#else
#define AIP_MODULE_C extern
#endif

/* The bytes of the table up to and with a function: what a module needs that calls none that came later. */
#define AIP_API_UP_TO(member) (offsetof(aip_api, member) + sizeof(((aip_api *)0)->member))

/* A library with a shorter table refuses the module. To run with older ones too, define it before this header as
 * AIP_API_UP_TO(the latest function that is called), or look at AIP_API_HAS(aip_module_table(), function) before a call. */
#ifndef AIP_MODULE_NEEDS
#define AIP_MODULE_NEEDS sizeof(aip_api)
#endif

AIP_MODULE_C __attribute__((visibility("hidden"))) const aip_api *aip_module_api; /* of the whole module; set before start */
/* Read so that two contexts may load the module at once: a plain load on every machine. */
static inline const aip_api *aip_module_table(void) { return __atomic_load_n(&aip_module_api, __ATOMIC_RELAXED); }

/* clang-format off */
/* The two exports. One library's table is good for every context; that of a second copy of the library in the process is refused. */
#define AIP_MODULE_DEFINE(start)                                                                                          \
    AIP_MODULE_C AIP_API const uint32_t aip_module_api_size;                                                              \
    const uint32_t aip_module_api_size = (uint32_t)(AIP_MODULE_NEEDS);                                                    \
    const aip_api *aip_module_api;                                                                                        \
    AIP_MODULE_C AIP_API int32_t aip_module_init(const aip_api *api, aip_context *ctx, aip_error **err);                  \
    int32_t aip_module_init(const aip_api *api, aip_context *ctx, aip_error **err) {                                      \
        const aip_api *before = NULL;                                                                                     \
        if (!__atomic_compare_exchange_n(&aip_module_api, &before, api, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) && before != api) \
            return api->error_set(err, AIP_E_STATE, "another copy of libaipipe in this process has loaded the module");   \
        return start(ctx, err);                                                                                           \
    }

#define aip_status_name (aip_module_table()->status_name)
#define aip_error_status (aip_module_table()->error_status)
#define aip_error_message (aip_module_table()->error_message)
#define aip_error_source (aip_module_table()->error_source)
#define aip_error_line (aip_module_table()->error_line)
#define aip_error_column (aip_module_table()->error_column)
#define aip_error_offset (aip_module_table()->error_offset)
#define aip_error_task (aip_module_table()->error_task)
#define aip_error_stage (aip_module_table()->error_stage)
#define aip_error_parameter (aip_module_table()->error_parameter)
#define aip_error_data_column (aip_module_table()->error_data_column)
#define aip_error_text (aip_module_table()->error_text)
#define aip_error_free (aip_module_table()->error_free)
#define aip_error_set (aip_module_table()->error_set)
#define aip_context_create (aip_module_table()->context_create)
#define aip_context_close (aip_module_table()->context_close)
#define aip_context_free (aip_module_table()->context_free)
#define aip_context_memory_used (aip_module_table()->context_memory_used)
#define aip_context_memory_peak (aip_module_table()->context_memory_peak)
#define aip_version (aip_module_table()->version)
#define aip_numeric_profile (aip_module_table()->numeric_profile)
#define aip_writer_bytes (aip_module_table()->writer_bytes)
#define aip_writer_i64 (aip_module_table()->writer_i64)
#define aip_writer_f64 (aip_module_table()->writer_f64)
#define aip_writer_text (aip_module_table()->writer_text)
#define aip_reader_bytes (aip_module_table()->reader_bytes)
#define aip_reader_i64 (aip_module_table()->reader_i64)
#define aip_reader_f64 (aip_module_table()->reader_f64)
#define aip_reader_text (aip_module_table()->reader_text)
#define aip_reader_left (aip_module_table()->reader_left)
#define aip_params_is_null (aip_module_table()->params_is_null)
#define aip_params_given (aip_module_table()->params_given)
#define aip_params_bool (aip_module_table()->params_bool)
#define aip_params_int (aip_module_table()->params_int)
#define aip_params_float (aip_module_table()->params_float)
#define aip_params_string (aip_module_table()->params_string)
#define aip_params_n_strings (aip_module_table()->params_n_strings)
#define aip_params_string_at (aip_module_table()->params_string_at)
#define aip_params_json (aip_module_table()->params_json)
#define aip_catalog_register (aip_module_table()->catalog_register)
#define aip_catalog_json (aip_module_table()->catalog_json)
#define aip_text_free (aip_module_table()->text_free)
#define aip_dag_load (aip_module_table()->dag_load)
#define aip_dag_parse (aip_module_table()->dag_parse)
#define aip_dag_create (aip_module_table()->dag_create)
#define aip_dag_add (aip_module_table()->dag_add)
#define aip_dag_add_callback (aip_module_table()->dag_add_callback)
#define aip_dag_add_dependency (aip_module_table()->dag_add_dependency)
#define aip_dag_check (aip_module_table()->dag_check)
#define aip_dag_describe (aip_module_table()->dag_describe)
#define aip_dag_free (aip_module_table()->dag_free)
#define aip_task_dataset (aip_module_table()->task_dataset)
#define aip_task_package (aip_module_table()->task_package)
#define aip_task_set_dataset (aip_module_table()->task_set_dataset)
#define aip_task_set_package (aip_module_table()->task_set_package)
#define aip_task_ctx (aip_module_table()->task_ctx)
#define aip_task_call (aip_module_table()->task_call)
#define aip_task_log (aip_module_table()->task_log)
#define aip_task_state_name (aip_module_table()->task_state_name)
#define aip_run_start (aip_module_table()->run_start)
#define aip_run_on_event (aip_module_table()->run_on_event)
#define aip_run_wait (aip_module_table()->run_wait)
#define aip_run_poll (aip_module_table()->run_poll)
#define aip_run_next_deadline (aip_module_table()->run_next_deadline)
#define aip_run_result (aip_module_table()->run_result)
#define aip_run_cancel (aip_module_table()->run_cancel)
#define aip_run_report (aip_module_table()->run_report)
#define aip_run_dataset (aip_module_table()->run_dataset)
#define aip_run_package (aip_module_table()->run_package)
#define aip_run_free (aip_module_table()->run_free)
#define aip_type_name (aip_module_table()->type_name)
#define aip_schema_create (aip_module_table()->schema_create)
#define aip_schema_n_fields (aip_module_table()->schema_n_fields)
#define aip_schema_field (aip_module_table()->schema_field)
#define aip_schema_find (aip_module_table()->schema_find)
#define aip_schema_free (aip_module_table()->schema_free)
#define aip_batch_n_rows (aip_module_table()->batch_n_rows)
#define aip_batch_schema (aip_module_table()->batch_schema)
#define aip_batch_column (aip_module_table()->batch_column)
#define aip_batch_retain (aip_module_table()->batch_retain)
#define aip_batch_free (aip_module_table()->batch_free)
#define aip_batch_create (aip_module_table()->batch_create)
#define aip_batch_to_arrow (aip_module_table()->batch_to_arrow)
#define aip_dataset_read (aip_module_table()->dataset_read)
#define aip_dataset_from_columns (aip_module_table()->dataset_from_columns)
#define aip_dataset_from_batches (aip_module_table()->dataset_from_batches)
#define aip_dataset_from_callbacks (aip_module_table()->dataset_from_callbacks)
#define aip_dataset_from_arrow (aip_module_table()->dataset_from_arrow)
#define aip_dataset_to_arrow (aip_module_table()->dataset_to_arrow)
#define aip_dataset_transform (aip_module_table()->dataset_transform)
#define aip_dataset_schema (aip_module_table()->dataset_schema)
#define aip_dataset_each (aip_module_table()->dataset_each)
#define aip_dataset_collect (aip_module_table()->dataset_collect)
#define aip_dataset_head (aip_module_table()->dataset_head)
#define aip_dataset_count (aip_module_table()->dataset_count)
#define aip_dataset_rejects (aip_module_table()->dataset_rejects)
#define aip_dataset_write (aip_module_table()->dataset_write)
#define aip_dataset_split (aip_module_table()->dataset_split)
#define aip_dataset_retain (aip_module_table()->dataset_retain)
#define aip_dataset_free (aip_module_table()->dataset_free)
#define aip_job_run (aip_module_table()->job_run)
#define aip_job_drop (aip_module_table()->job_drop)
#define aip_cancel_create (aip_module_table()->cancel_create)
#define aip_cancel_request (aip_module_table()->cancel_request)
#define aip_cancel_requested (aip_module_table()->cancel_requested)
#define aip_cancel_free (aip_module_table()->cancel_free)
#define aip_dataset_evaluate (aip_module_table()->dataset_evaluate)
#define aip_model_create (aip_module_table()->model_create)
#define aip_model_fit (aip_module_table()->model_fit)
#define aip_model_is_fitted (aip_module_table()->model_is_fitted)
#define aip_model_predict (aip_module_table()->model_predict)
#define aip_model_describe (aip_module_table()->model_describe)
#define aip_model_name (aip_module_table()->model_name)
#define aip_model_free (aip_module_table()->model_free)
#define aip_package_fit (aip_module_table()->package_fit)
#define aip_package_evaluate (aip_module_table()->package_evaluate)
#define aip_package_with_metrics (aip_module_table()->package_with_metrics)
#define aip_package_predict (aip_module_table()->package_predict)
#define aip_package_save (aip_module_table()->package_save)
#define aip_package_load (aip_module_table()->package_load)
#define aip_package_to_bytes (aip_module_table()->package_to_bytes)
#define aip_package_from_bytes (aip_module_table()->package_from_bytes)
#define aip_package_describe (aip_module_table()->package_describe)
#define aip_package_retain (aip_module_table()->package_retain)
#define aip_package_free (aip_module_table()->package_free)
#define aip_scorer_create (aip_module_table()->scorer_create)
#define aip_scorer_bind (aip_module_table()->scorer_bind)
#define aip_scorer_run (aip_module_table()->scorer_run)
#define aip_scorer_free (aip_module_table()->scorer_free)
#define aip_stage_create (aip_module_table()->stage_create)
#define aip_stage_pipeline (aip_module_table()->stage_pipeline)
#define aip_stage_fit (aip_module_table()->stage_fit)
#define aip_stage_is_fitted (aip_module_table()->stage_is_fitted)
#define aip_stage_output_schema (aip_module_table()->stage_output_schema)
#define aip_stage_apply (aip_module_table()->stage_apply)
#define aip_stage_name (aip_module_table()->stage_name)
#define aip_stage_rows (aip_module_table()->stage_rows)
#define aip_stage_free (aip_module_table()->stage_free)
#define aip_schema_retain (aip_module_table()->schema_retain)
#define aip_model_retain (aip_module_table()->model_retain)
#define aip_package_create (aip_module_table()->package_create)
#define aip_package_pipeline (aip_module_table()->package_pipeline)
#define aip_package_model (aip_module_table()->package_model)
#define aip_package_inputs (aip_module_table()->package_inputs)
#define aip_package_transform (aip_module_table()->package_transform)
#define aip_stage_describe (aip_module_table()->stage_describe)
#define aip_stage_retain (aip_module_table()->stage_retain)
#define aip_error_copy (aip_module_table()->error_copy)
#define aip_stage_n_stages (aip_module_table()->stage_n_stages)
#define aip_pass_cancelled (aip_module_table()->pass_cancelled)
#define aip_stage_at (aip_module_table()->stage_at)
#define aip_pass_reject (aip_module_table()->pass_reject)
#define aip_batch_derive (aip_module_table()->batch_derive)
#define aip_scorer_prepare (aip_module_table()->scorer_prepare)
#define aip_module_load (aip_module_table()->module_load)
#define aip_dataset_profile (aip_module_table()->dataset_profile)
#define aip_read_explain (aip_module_table()->read_explain)
#define aip_dataset_report (aip_module_table()->dataset_report)
/* clang-format on */

#endif
