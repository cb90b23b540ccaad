/* A dataset written through a connector: one pass, batch by batch, all of it or nothing. */
#include "connectors/connection.h"

#include "data/scan.h"

static int32_t write_rows(aip__connection *c, void *writer, aip_dataset *d, aip__token *token, aip_row_counts *counts,
                          aip_error **err) {
    aip__scan *scan = NULL;
    int32_t status = aip__scan_open(d, token, "write", &scan, err);
    while (status == AIP_OK) {
        aip_batch *batch = NULL;
        status = aip__scan_next(scan, &batch, err);
        if (status != AIP_OK || !batch) break;
        status = aip__connection_status(c, c->ops.write_batch(c->self, writer, batch, err), "write_batch", err);
        aip_batch_free(batch);
    }
    if (status == AIP_OK) aip__scan_counts(scan, counts);
    aip__scan_close(scan);
    return status;
}

int32_t aip__connection_write(aip__connection *c, aip_dataset *dataset, aip__token *token, aip_row_counts *counts,
                              aip_error **err) {
    void *writer = NULL;
    int32_t status = aip__connection_status(c, c->ops.write_open(c->self, dataset->schema, &writer, err), "write_open", err);
    if (status == AIP_OK) {
        status = write_rows(c, writer, dataset, token, counts, err);
        if (status == AIP_OK) status = aip__token_check(token, err); /* nothing becomes visible of what was cancelled */
        if (status == AIP_OK) status = aip__connection_status(c, c->ops.write_finish(c->self, writer, err), "write_finish", err);
        if (status != AIP_OK && c->ops.write_abort) c->ops.write_abort(c->self, writer);
    }
    aip__connection_close(c);
    return status;
}
