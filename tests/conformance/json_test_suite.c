/* JSONTestSuite (github nst/JSONTestSuite): of test_parsing/, files y_* are read and n_* are refused with a place; i_* may be either, as long as
 * what is refused has a place too. The suite's files are used where they lie, in the folder given; they are not part of this tree. Prints how many
 * files were held; exits with 77 (skipped, and CI counts that) when there are none. */
#include <aipipe/aipipe.h>

#include "base/context.h"
#include "base/document.h"
#include "base/io.h"
#include "base/memory.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77

/* RFC 8259 only wishes names to be unique; a document here refuses two of one name, and a name with a NUL in it, which no C string holds. */
static bool refused_on_purpose(const char *name) {
    return strcmp(name, "y_object_duplicated_key.json") == 0 || strcmp(name, "y_object_duplicated_key_and_value.json") == 0
           || strcmp(name, "y_object_escaped_null_in_key.json") == 0;
}

static int wrong(const char *name, const char *what, const aip_error *err) {
    fprintf(stderr, "%s: %s: %s\n", name, what, aip_error_text(err));
    return 1;
}

static int check(aip_context *ctx, const char *folder, const char *name) {
    char path[4096], *text = NULL;
    size_t n = 0;
    aip_error *err = NULL;
    aip__document *d = NULL;
    int found = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int32_t status = aip__file_load(ctx, path, 1 << 20, &text, &n, &err);
    if (status != AIP_OK) {
        found = wrong(name, "cannot be loaded", err);
    } else {
        status = aip__json_parse(ctx, text, n, NULL, &d, &err);
        bool good = *name == 'y' && !refused_on_purpose(name), either = *name == 'i';
        if (good != (status == AIP_OK) && !either) found = wrong(name, good ? "refused" : "accepted", err);
        bool place = aip_error_line(err) > 0 && aip_error_column(err) > 0 && aip_error_offset(err) >= 0;
        if (status != AIP_OK && (status != AIP_E_SYNTAX || !place)) found = wrong(name, "refused without a place", err);
    }
    aip__document_free(d);
    aip__free(ctx, text);
    aip_error_free(err);
    return found;
}

int main(int argc, char **argv) {
    int files = 0, n_wrong = 0;
    aip_context *ctx = NULL;
    if (argc != 2) return fprintf(stderr, "usage: json_test_suite FOLDER\n"), 2;
    DIR *dir = opendir(argv[1]);
    if (!dir) {
        printf("JSONTestSuite: SKIPPED, N = 0: no folder %s\n", argv[1]);
        return SKIPPED;
    }
    if (aip_context_create(NULL, &ctx, NULL) != AIP_OK) {
        closedir(dir);
        return EXIT_FAILURE;
    }
    for (struct dirent *f; (f = readdir(dir));) {
        size_t n = strlen(f->d_name);
        if (n < 5 || strcmp(f->d_name + n - 5, ".json") != 0) continue;
        files++;
        n_wrong += check(ctx, argv[1], f->d_name);
    }
    closedir(dir);
    aip_context_free(ctx);
    printf("JSONTestSuite: N = %d files, %d wrong\n", files, n_wrong);
    return n_wrong > 0 ? EXIT_FAILURE : files > 0 ? EXIT_SUCCESS : SKIPPED;
}
