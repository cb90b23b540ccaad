/* The one file that calls BLAS. OpenBLAS keeps a process-wide thread count, the only such state the library touches: it is set to one at first
 * use, because our own jobs are the parallelism and a threaded sum would make results depend on the thread count. With the serial build the
 * call changes nothing. */
#include "math/blas.h"

#include <cblas.h>
#include <pthread.h>

static pthread_once_t pinned = PTHREAD_ONCE_INIT;
static void pin(void) { openblas_set_num_threads(1); }

void aip__blas_syrk(int32_t n, int32_t k, const double *a, double *out) {
    pthread_once(&pinned, pin);
    /* Row-major "A'A, lower" of a row-major k x n matrix; ours lies column by column, which is the row-major n x k transpose. */
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, k, 1.0, a, k, 1.0, out, n);
}

const char *aip__blas_core(void) { return openblas_get_corename(); }
