/* Contexts, folders and files for the tests of DAGs. Every context is watched: when it goes, no byte of it may be left. */
#ifndef AIPIPE_TESTS_DAG_FIXTURE_H
#define AIPIPE_TESTS_DAG_FIXTURE_H

#include "unit.h"

#include <aipipe/aipipe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

Suite *dagfile_suite(void);
Suite *dag_params_suite(void);
Suite *dag_run_suite(void);
Suite *dag_events_suite(void);
Suite *dag_command_suite(void);
Suite *dag_operators_suite(void);
Suite *dag_memory_suite(void);

#define N_THREAD_COUNTS 4
extern const int32_t thread_counts[N_THREAD_COUNTS]; /* none, 1, 2, 8 */

/* unit_threads(threads). What is logged is kept: test_logged. */
aip_context *test_context(int32_t threads);
aip_context *test_context_exactly(int32_t threads); /* where a test rests on their number */
void test_context_end(aip_context *ctx);
bool test_logged(const char *text); /* whether some line since the last test_context holds the text */
/* From now on the allocator refuses its n-th allocation (0: the next one); negative: none. Says in test_refused whether it came to that. */
void test_refuse(int64_t n);
bool test_refused(void);

const char *test_folder(void); /* a folder of this test alone; removed by test_folder_end */
void test_folder_end(void);
const char *test_path(const char *name);             /* in that folder; static, four at a time */
void test_write(const char *name, const char *text); /* a file in it */
char *test_read(const char *name);                   /* NULL when there is none; free it */

/* Parses the text in the test's folder, runs it and waits: the run, whatever became of it. */
aip_run *test_run(aip_context *ctx, const char *text, const char *options_json);
/* The report of the run as text; holds that it contains each of the NULL-terminated texts. */
void test_report_has(aip_context *ctx, aip_run *run, const char *const *texts);

#endif
