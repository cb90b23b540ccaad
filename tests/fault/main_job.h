/* The main job: what a host does with the library from end to end, on data of a few rows, so that it can be run some thousand times with
 * something else going wrong each time. */
#ifndef AIPIPE_TESTS_MAIN_JOB_H
#define AIPIPE_TESTS_MAIN_JOB_H

#include <aipipe/aipipe.h>
#include <stdbool.h>

struct aip__io;

/* A folder of its own, with the input files in it; removed by main_job_folder_end. */
typedef struct main_job_folder {
    char path[128];
} main_job_folder;
void main_job_folder_begin(main_job_folder *f);
void main_job_folder_end(main_job_folder *f);
/* As before a job: out/ is not there, kept/ holds an old predictions.csv and an old model.aip. */
void main_job_folder_reset(const main_job_folder *f);

typedef struct main_job {
    const main_job_folder *folder;
    const aip_allocator *allocator; /* NULL: the C library's */
    const struct aip__io *io;       /* NULL: the library's own */
    int32_t threads;                /* as in aip_context_options */
    bool command;                   /* with a task that starts a program */
} main_job;

/* What came out, as text: metrics, scores, counts, checks of what was read back. Free with main_job_result_free. */
typedef struct main_job_result {
    char *text;
} main_job_result;

/* Creates a context, works, frees everything. out is written on success only. */
int32_t main_job_run(const main_job *job, main_job_result *out, aip_error **err);
void main_job_result_free(main_job_result *r);

/* All that the job writes, by name below the folder; what is there is one text: "name\nlength\nbytes\n" for each file. A file that is neither
 * as it was, nor missing (in out/), nor as in `reference` (a text of an earlier call; NULL: not compared) is a failure of the test, as is
 * any file that does not belong there. The text is malloc'ed. */
char *main_job_files(const main_job_folder *f);
/* NULL, or what is wrong with the files that a failed job has left: a static text. temporary: whether a temporary file may be there. */
const char *main_job_files_wrong(const main_job_folder *f, const char *reference, bool temporary);

/* The pieces, for tests that put them together otherwise. */
extern const char main_job_dag[];      /* text of the DAG file */
extern const char main_job_rows_csv[]; /* the table that the model learns from */
extern const aip_stage_ops main_job_centre_ops;
int32_t main_job_register(aip_context *ctx, aip_error **err); /* the custom stage `centre` */
typedef struct main_job_row {                                 /* for a scorer */
    double age, fare;
    const char *sex, *port;
} main_job_row;
int32_t main_job_bind(aip_scorer *s, aip_error **err);
extern const main_job_row main_job_rows[5];

#endif
