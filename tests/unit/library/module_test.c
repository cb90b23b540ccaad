/* Loadable modules: this program has the library linked into it and exports none of its symbols, so what works here works through the table alone. */
#include "base/error.h"
#include "base/memory.h"
#include "library/api.h"
#include "library/module.h"
#include "library_suites.h"
#include <aipipe/aipipe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE(name) AIPIPE_TEST_MODULES "/" name ".so"

static aip_context *context(void) {
    aip_context *ctx = NULL;
    aip_context_options o = AIP_CONTEXT_OPTIONS_INIT;
    o.threads = unit_threads(2);
    OK(aip_context_create(&o, &ctx, &err));
    return ctx;
}

static int32_t read_tally(void *user, aip_batch *b, aip_error **err) {
    aip_column_view v = AIP_COLUMN_VIEW_INIT;
    int32_t status = aip_batch_column(b, 0, &v, err);
    if (status == AIP_OK && v.length > 0) *(int64_t *)user += ((const int64_t *)v.values)[0];
    return status;
}

/* Holds that the module's connector is there and works. */
static void check_tally(aip_context *ctx) {
    aip_dataset *d = NULL;
    int64_t sum = 0;
    OK(aip_dataset_read(ctx, "\"tally:\"", &d, &err));
    OK(aip_dataset_each(d, NULL, read_tally, &sum, NULL, &err));
    ck_assert_int_eq(sum, 42);
    aip_dataset_free(d);
}

START_TEST(a_module_registers_in_each_context_that_loads_it_and_in_no_other) {
    aip_context *a = context(), *b = context(), *c = context();
    aip_dataset *d = NULL;
    OK(aip_module_load(a, MODULE("good"), &err));
    OK(aip_module_load(b, MODULE("good"), &err));
    check_tally(a);
    check_tally(b);
    FAILS(aip_dataset_read(c, "\"tally://\"", &d, &err), AIP_E_NOT_FOUND, "no connector 'tally': none was registered");
    aip_context_free(a);
    check_tally(b);
    aip_context_free(b);
    aip_context_free(c);
}
END_TEST

START_TEST(loading_again_does_nothing_also_by_another_name_of_the_file) {
    aip_context *ctx = context();
    OK(aip_module_load(ctx, MODULE("good"), &err));
    OK(aip_module_load(ctx, MODULE("good"), &err));
    OK(aip_module_load(ctx, AIPIPE_TEST_MODULES "/./good.so", &err));
    check_tally(ctx);
    FAILS(aip_module_load(ctx, MODULE("older"), &err), AIP_E_PARAM, "older.so: the connector 'tally' is already registered");
    check_tally(ctx); /* of the first */
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_module_made_for_an_older_table_works_and_for_a_later_one_is_refused) {
    aip_context *ctx = context();
    char needs[64];
    OK(aip_module_load(ctx, MODULE("older"), &err));
    check_tally(ctx);
    snprintf(needs, sizeof needs, "%zu bytes of its table", sizeof(aip_api) + sizeof(void *));
    FAILS(aip_module_load(ctx, MODULE("later"), &err), AIP_E_UNSUPPORTED, needs);
    FAILS(aip_module_load(ctx, MODULE("later"), &err), AIP_E_UNSUPPORTED, aip_version());
    aip_context_free(ctx);
}
END_TEST

START_TEST(what_is_no_module_is_an_error_that_says_why) {
    aip_context *ctx = context();
    FAILS(aip_module_load(ctx, MODULE("none"), &err), AIP_E_NOT_FOUND, "none.so: there is no such module");
    FAILS(aip_module_load(ctx, MODULE("plain"), &err), AIP_E_UNSUPPORTED, "plain.so: this is no module");
    FAILS(aip_module_load(ctx, MODULE("no_size"), &err), AIP_E_UNSUPPORTED, "aip_module_api_size");
    FAILS(aip_module_load(ctx, AIPIPE_SOURCE_ROOT "/meson.build", &err), AIP_E_IO, "cannot load the module");
    FAILS(aip_module_load(ctx, AIPIPE_SOURCE_ROOT "/", &err), AIP_E_IO, "cannot load the module");
    /* one that calls the library by symbol: there are none to be found in this program */
    FAILS(aip_module_load(ctx, MODULE("symbol"), &err), AIP_E_IO, "undefined symbol");
    FAILS(aip_module_load(ctx, NULL, &err), AIP_E_MISUSE, "");
    FAILS(aip_module_load(ctx, "", &err), AIP_E_MISUSE, "");
    FAILS(aip_module_load(NULL, MODULE("good"), &err), AIP_E_MISUSE, "");
    aip_context_free(ctx);
}
END_TEST

START_TEST(an_init_that_fails_gives_its_error_and_may_be_tried_again) {
    aip_context *ctx = context();
    for (int i = 0; i < 2; i++) {
        FAILS(aip_module_load(ctx, MODULE("fails"), &err), AIP_E_STATE, "fails.so: the licence has run out");
        FAILS(aip_module_load(ctx, MODULE("positive"), &err), 17, "positive.so: ");
    }
    OK(aip_module_load(ctx, MODULE("good"), &err));
    check_tally(ctx);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_module_may_load_another_and_itself) {
    aip_context *ctx = context();
    OK(aip_module_load(ctx, MODULE("nested"), &err));
    check_tally(ctx);
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_closed_context_loads_nothing) {
    aip_context *ctx = context();
    aip_context_close(ctx);
    FAILS(aip_module_load(ctx, MODULE("good"), &err), AIP_E_STATE, "closed");
    aip_context_free(ctx);
}
END_TEST

START_TEST(a_forked_child_loads_nothing) {
    aip_context *ctx = context();
    pid_t pid = unit_fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int32_t status = aip_module_load(ctx, MODULE("good"), NULL);
        aip_context_free(ctx);
        _exit(status == AIP_E_FORKED ? 0 : 1);
    }
    int how = 0;
    ck_assert_int_eq(waitpid(pid, &how, 0), pid);
    ck_assert_int_eq(how, 0);
    OK(aip_module_load(ctx, MODULE("good"), &err));
    aip_context_free(ctx);
}
END_TEST

/* ---- bare names ------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_bare_name_is_looked_for_in_the_path_then_where_modules_are_installed) {
    aip_context *ctx = context();
    static const struct {
        const char *name, *folders, *installed, *found;
    } cases[] = {{"good", AIPIPE_TEST_MODULES, "/nowhere", MODULE("good")},
                 {"good.so", AIPIPE_TEST_MODULES, "/nowhere", MODULE("good")},
                 {"good", "/nowhere:" AIPIPE_TEST_MODULES ":/none", "/nowhere", MODULE("good")},
                 {"good", NULL, AIPIPE_TEST_MODULES, MODULE("good")},
                 {"good", "", AIPIPE_TEST_MODULES, MODULE("good")},
                 {"good", AIPIPE_TEST_MODULES, AIPIPE_TEST_MODULES "/../", MODULE("good")},
                 {"good", "/nowhere", "/none", NULL},
                 {"good", ":.::", "/none", NULL}, /* the working directory holds it */
                 {"good", "unit/library", "/none", NULL},
                 {"..", AIPIPE_TEST_MODULES, "/none", NULL}};
    char here[4096];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(AIPIPE_TEST_MODULES), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = NULL;
        if (cases[i].found) {
            OK(aip__module_find(ctx, cases[i].name, cases[i].folders, cases[i].installed, &path, &err));
            ck_assert_str_eq(path, cases[i].found);
        } else {
            FAILS(aip__module_find(ctx, cases[i].name, cases[i].folders, cases[i].installed, &path, &err), AIP_E_NOT_FOUND,
                  "/none");
            ck_assert_ptr_null(path);
        }
        aip__free(ctx, path);
    }
    char *path = NULL;
    FAILS(aip__module_find(ctx, "good", ".", "/none", &path, &err), AIP_E_NOT_FOUND,
          ". (not looked into: AIPIPE_MODULE_PATH takes");
    unsetenv("AIPIPE_MODULE_PATH");
    FAILS(aip_module_load(ctx, "good.so", &err), AIP_E_NOT_FOUND, "holds a slash"); /* the working directory, again */
    OK(aip_module_load(ctx, "./good.so", &err));
    setenv("AIPIPE_MODULE_PATH", AIPIPE_TEST_MODULES, 1);
    OK(aip_module_load(ctx, "good", &err)); /* the same one */
    FAILS(aip_module_load(ctx, "goood", &err), AIP_E_NOT_FOUND, "no module 'goood' in " AIPIPE_TEST_MODULES ", ");
    ck_assert_int_eq(chdir(here), 0);
    aip_context_free(ctx);
}
END_TEST

/* ---- many threads ------------------------------------------------------------------------------------------------------------------------------- */

static void *load_it(void *ctx) {
    aip_error *err = NULL;
    int32_t status = aip_module_load(ctx, MODULE("good"), &err);
    aip_error_free(err);
    return status == AIP_OK ? ctx : NULL;
}

START_TEST(threads_that_load_one_module_into_one_context_start_it_once) {
    aip_context *both[2] = {context(), context()};
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, load_it, both[i % 2]), 0);
    for (int i = 0; i < 8; i++) {
        void *loaded = NULL;
        pthread_join(threads[i], &loaded);
        ck_assert_ptr_eq(loaded, both[i % 2]);
    }
    for (int i = 0; i < 2; i++) {
        check_tally(both[i]);
        aip_context_free(both[i]);
    }
}
END_TEST

Suite *module_suite(void) {
    const TTest *const tests[] = {a_module_registers_in_each_context_that_loads_it_and_in_no_other,
                                  loading_again_does_nothing_also_by_another_name_of_the_file,
                                  a_module_made_for_an_older_table_works_and_for_a_later_one_is_refused,
                                  what_is_no_module_is_an_error_that_says_why,
                                  an_init_that_fails_gives_its_error_and_may_be_tried_again,
                                  a_module_may_load_another_and_itself,
                                  a_closed_context_loads_nothing,
                                  a_forked_child_loads_nothing,
                                  a_bare_name_is_looked_for_in_the_path_then_where_modules_are_installed,
                                  threads_that_load_one_module_into_one_context_start_it_once,
                                  NULL};
    return unit_suite("module", tests);
}
