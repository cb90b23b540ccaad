#include <aipipe/aipipe.h>
#include <stdio.h>

int main(void) {
    aip_error *err = NULL; aip_context *ctx = NULL; aip_dataset *data = NULL, *scored = NULL;
    aip_stage *scale = NULL; aip_model *model = NULL; aip_package *pkg = NULL;
    int failed = aip_context_create(NULL, &ctx, &err)
        || aip_dataset_read(ctx, AIP_JSON({"path": "sample_data.csv"}), &data, &err)          /* lazy */
        || aip_stage_create(ctx, "standard_scaler", AIP_JSON({"columns": "numeric"}), NULL, 0, &scale, &err)
        || aip_model_create(ctx, "logistic_regression", AIP_JSON({"C": 0.5}), &model, &err)
        || aip_package_fit(ctx, scale, model, data, "target", NULL, &pkg, &err)               /* same bits on any number of threads */
        || aip_package_save(pkg, "model.aip", &err)                                           /* whole or not at all */
        || aip_package_predict(pkg, data, &scored, &err)                                      /* the same fitted pipeline */
        || aip_dataset_write(scored, AIP_JSON({"path": "scored.csv"}), NULL, NULL, &err);
    if (failed) fprintf(stderr, "%s\n", aip_error_text(err));                                 /* file:line:column: expected, found */
    aip_error_free(err); aip_package_free(pkg); aip_model_free(model); aip_stage_free(scale); /* any order; NULL is fine */
    aip_dataset_free(scored); aip_dataset_free(data); aip_context_free(ctx);
    return failed;
}
