/* aipipe/connector.h: connectors of a host's or a module's own: where rows come from and go to.
 *
 * A connector is a descriptor of kind AIP_KIND_CONNECTOR whose ops are the table below. Once registered (aip_catalog_register), a path
 * `NAME:rest` or `NAME://rest` goes to it wherever `read`, `write` and `output` take a path: aip_dataset_read, aip_dataset_write, DAG
 * files, the command line. Its parameters are its own, and before them `path` and `rejects` (a file for what a read refuses), which the
 * library adds unless the descriptor's own table has such. What it gives is a dataset like any other: rows pass the one scan, with cancellation, counts and rejects. */
#ifndef AIPIPE_CONNECTOR_H
#define AIPIPE_CONNECTOR_H

#include <aipipe/catalog.h>
#include <aipipe/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a path names. Borrowed for the call. */
typedef struct aip_location {
    uint32_t struct_size;
    int32_t writing;      /* 1: rows will be written there; 0: read */
    const char *path;     /* as it was given: "numbers://1..10" */
    const char *rest;     /* what stands behind NAME: or NAME:// */
    const char *base_dir; /* where relative paths of files start, a DAG file's folder; NULL: the working directory */
} aip_location;
#define AIP_LOCATION_INIT \
    { sizeof(aip_location), 0, NULL, NULL, NULL }

/* A pass over what a connector reads, as its open and next see it. */
typedef struct aip_pass aip_pass;
/* 1 once the call that reads was cancelled, has timed out, or the context closes: for a next that waits. any-thread */
AIP_API int32_t aip_pass_cancelled(const aip_pass *pass);
/* Refuses one record: it counts as rejected and stands in the rejects table (aip_dataset_rejects). line from 1, 0: not known; column: name,
 * NULL: the whole record; offset in bytes, -1: not known; reason: one line; raw: n bytes of the record, NULL with 0. Within next only. one-at-a-time */
AIP_API int32_t aip_pass_reject(aip_pass *pass, int64_t line, const char *column, int64_t offset, const char *reason,
                                const char *raw, size_t n, aip_error **err);

/* self    what create made of parameters and location; one dataset or one write has it. Never changed by two calls at once but by open,
 *         next and close of different passes, which may run at the same time.
 * cursor  of one pass: its functions are called from any thread, one at a time.
 * In a child that the process forks afterwards, self belongs to the parent: a pass is AIP_E_FORKED, and destroy is not called.
 * A status that is not AIP_OK ends the call; a positive one is the connector's own and comes back unchanged. */
typedef struct aip_connector_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Checks and keeps what was given, and touches nothing outside: it is also called when a DAG file is only checked. */
    int32_t (*create)(aip_context *ctx, void *user, const aip_params *params, const aip_location *location, void **self,
                      aip_error **err);
    void (*destroy)(void *self); /* of each self, also one whose schema failed. NULL: nothing */

    /* Reading; schema and next both NULL: it cannot be read. schema gives a new schema, which the library frees. */
    int32_t (*schema)(void *self, aip_schema **out, aip_error **err);
    int32_t (*open)(void *self, aip_pass *pass, void **cursor, aip_error **err); /* starts a pass; NULL: there is one pass only */
    /* One batch of the schema, which the library frees; NULL in *out: the end. cursor: NULL when open is. */
    int32_t (*next)(void *self, void *cursor, aip_pass *pass, aip_batch **out, aip_error **err);
    void (*close)(void *self, void *cursor); /* ends each pass that was opened, also a failed one. NULL: nothing */

    /* Writing; write_open, write_batch and write_finish all NULL: it cannot be written. After write_open, batches come in order, one call
     * at a time on the calling thread; write_finish makes all of them visible and ends the writer. When anything failed, write_finish
     * itself too, write_abort ends the writer, and must leave what was there before. */
    int32_t (*write_open)(void *self, const aip_schema *schema, void **writer, aip_error **err);
    int32_t (*write_batch)(void *self, void *writer, const aip_batch *batch, aip_error **err);
    int32_t (*write_finish)(void *self, void *writer, aip_error **err);
    void (*write_abort)(void *self, void *writer); /* NULL: nothing is to be undone or freed */
} aip_connector_ops;
#define AIP_CONNECTOR_OPS_INIT \
    { sizeof(aip_connector_ops), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

#ifdef __cplusplus
}
#endif
#endif
