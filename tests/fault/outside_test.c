/* What does not obey the host's allocator: the mallocs of the libraries that ours stands on,. They are counted, by the
 * library that makes them (docs/allocator.md has the table), and each is refused in turn: once, and from then on. Every time the job ends with
 * AIP_E_NOMEM or with exactly the result that it has when nothing is refused.
 *
 * The program has malloc and its kin itself, so that all calls of the process come here; glibc's own are behind them. */
#include "../unit/unit.h"
#include "main_job.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void __libc_free(void *ptr);
extern void *__libc_memalign(size_t align, size_t size);

static _Thread_local bool armed; /* this thread is in the job, and not in the allocator given to it */
static const char *own_file;     /* of this program, whose own calls are not meant */
static int64_t n_calls, n_refused, fail_at = -1;
static bool from_then_on;

#define MAX_CALLERS 16
static struct caller {
    char name[40];
    int64_t calls, bytes;
} callers[MAX_CALLERS];
static bool counting;

static void count(const char *file, size_t size) {
    const char *slash = strrchr(file, '/');
    file = slash ? slash + 1 : file;
    for (int i = 0; i < MAX_CALLERS; i++) {
        if (callers[i].name[0] && strncmp(callers[i].name, file, sizeof callers[i].name - 1) != 0) continue;
        strncpy(callers[i].name, file, sizeof callers[i].name - 1);
        callers[i].calls++;
        callers[i].bytes += (int64_t)size;
        return;
    }
}

/* Whether this call is to be refused. */
static bool refused(void *from, size_t size) {
    if (!armed) return false;
    Dl_info info;
    armed = false; /* looking may allocate */
    bool known = dladdr(from, &info) != 0;
    armed = true;
    if (!known || strcmp(info.dli_fname, own_file) == 0) return false;
    if (counting) count(info.dli_fname, size);
    int64_t at = n_calls++;
    bool fails = fail_at >= 0 && (at == fail_at || (from_then_on && at > fail_at));
    n_refused += fails;
    if (fails) errno = ENOMEM;
    return fails;
}

void *malloc(size_t size) { return refused(__builtin_return_address(0), size) ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return refused(__builtin_return_address(0), n * size) ? NULL : __libc_calloc(n, size); }
void *realloc(void *ptr, size_t size) { return refused(__builtin_return_address(0), size) ? NULL : __libc_realloc(ptr, size); }
void free(void *ptr) { __libc_free(ptr); }
int posix_memalign(void **out, size_t align, size_t size) {
    if (refused(__builtin_return_address(0), size)) return ENOMEM;
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}
void *aligned_alloc(size_t align, size_t size) {
    return refused(__builtin_return_address(0), size) ? NULL : __libc_memalign(align, size);
}
void *memalign(size_t align, size_t size);
void *memalign(size_t align, size_t size) {
    return refused(__builtin_return_address(0), size) ? NULL : __libc_memalign(align, size);
}

/* The host's allocator: what obeys it is not counted here. */
static void *resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    bool before = armed;
    void *made = NULL;
    (void)user;
    armed = false;
    if (new_size > 0) made = __libc_memalign(align, new_size);
    if (made && ptr) memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    if (ptr && (made || new_size == 0)) __libc_free(ptr);
    armed = before;
    return made;
}

static main_job_folder folder;

static int32_t run(main_job_result *result, aip_error **err) {
    aip_allocator allocator = AIP_ALLOCATOR_INIT;
    allocator.resize = resize;
    main_job job = {.folder = &folder, .allocator = &allocator, .threads = AIP_THREADS_NONE};
    main_job_folder_reset(&folder);
    n_calls = n_refused = 0;
    armed = true;
    int32_t status = main_job_run(&job, result, err);
    armed = false;
    return status;
}

static void print_callers(int64_t total) {
    printf("outside of the allocator: %lld calls in one job:", (long long)total);
    for (int i = 0; i < MAX_CALLERS && callers[i].name[0]; i++)
        printf(" %s %lld (%lld bytes)", callers[i].name, (long long)callers[i].calls, (long long)callers[i].bytes);
    printf("\n");
}

START_TEST(each_refused_malloc_of_other_libraries_is_a_clean_error_or_changes_nothing) {
    main_job_result reference = {NULL}, result = {NULL};
    int64_t errors = 0, same = 0;
    Dl_info self;
    ck_assert_int_ne(dladdr((void *)(uintptr_t)print_callers, &self), 0);
    own_file = self.dli_fname;
    main_job_folder_begin(&folder);
    OK(run(&reference, &err)); /* the first time more is allocated: what is made once for the process */
    main_job_result_free(&reference);
    counting = true;
    OK(run(&reference, &err));
    counting = false;
    int64_t total = n_calls;
    char *files = main_job_files(&folder);
    print_callers(total);
    ck_assert_int_gt(total, 100);
    for (int pass = 0; pass < 2; pass++) {
        from_then_on = pass == 1;
        for (int64_t k = 0; k < total; k++) {
            aip_error *err = NULL;
            fail_at = k;
            int32_t status = run(&result, &err);
            bool met = n_refused > 0;
            fail_at = -1;
            ck_assert_msg(met, "call %lld was not made", (long long)k);
            if (status == AIP_OK) {
                char *now = main_job_files(&folder);
                ck_assert_msg(strcmp(result.text, reference.text) == 0, "malloc %lld: another result", (long long)k);
                ck_assert_msg(strcmp(now, files) == 0, "malloc %lld: other files", (long long)k);
                main_job_result_free(&result);
                free(now);
                same++;
            } else {
                ck_assert_msg(status == AIP_E_NOMEM && aip_error_status(err) == AIP_E_NOMEM, "malloc %lld %s: %d %s",
                              (long long)k, pass ? "from then on" : "once", (int)status, aip_error_text(err));
                const char *wrong = main_job_files_wrong(&folder, files, false);
                ck_assert_msg(!wrong, "malloc %lld: %s", (long long)k, wrong);
                errors++;
            }
            aip_error_free(err);
        }
    }
    printf("outside of the allocator: %lld failed once, %lld from then on: %lld errors, %lld the same result\n", (long long)total,
           (long long)total, (long long)errors, (long long)same);
    free(files);
    main_job_result_free(&reference);
    main_job_folder_end(&folder);
}
END_TEST

void unit_suites(SRunner *runner) {
    const TTest *const tests[] = {each_refused_malloc_of_other_libraries_is_a_clean_error_or_changes_nothing, NULL};
    srunner_add_suite(runner, unit_suite("outside", tests));
}
