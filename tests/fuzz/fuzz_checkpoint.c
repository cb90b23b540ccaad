/* Checkpoint files. Whatever the bytes: no crash, no leak, an error that names the file; what is accepted has files with places that can be gone on
 * from, in order, and part names that end as the output's. */
#include "base/io.h"
#include "connectors/checkpoint.h"
#include "fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static fuzz_host host;
static aip__io table;
static const uint8_t *bytes;
static size_t n_bytes;

/* The one file there is holds the bytes; nothing is written. No descriptor is needed for that. */
static int fuzz_open(const char *path, int flags, mode_t mode) {
    (void)mode;
    errno = EACCES;
    return (flags & O_ACCMODE) == O_RDONLY && strcmp(path, "/cp.json") == 0 ? 1000 : -1;
}
static int fuzz_close(int fd) { return fd == 1000 ? 0 : aip__io_posix.close(fd); }
static int fuzz_fstat(int fd, struct stat *st) {
    (void)fd;
    *st = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)n_bytes};
    return 0;
}
static int fuzz_stat(const char *path, struct stat *st) {
    (void)path;
    return fuzz_fstat(-1, st); /* a pending output is there too */
}
static ssize_t fuzz_pread(int fd, void *to, size_t n, off_t offset) {
    (void)fd;
    if ((size_t)offset >= n_bytes) return 0;
    if (n > n_bytes - (size_t)offset) n = n_bytes - (size_t)offset;
    memcpy(to, bytes + offset, n);
    return (ssize_t)n;
}

static void set_up(void) {
    host.ctx = fuzz_make((uint64_t)256 << 20);
    table = aip__io_posix;
    table.open = fuzz_open, table.close = fuzz_close, table.fstat = fuzz_fstat, table.stat = fuzz_stat, table.pread = fuzz_pread;
    host.ctx->io = &table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!host.ctx) set_up();
    aip_context *ctx = host.ctx;
    aip__checkpoint *c = NULL;
    aip_error *err = NULL;
    fuzz_begin(&host);
    bytes = data;
    n_bytes = size;
    int32_t status = aip__checkpoint_load(ctx, "/cp.json", &c, &err);
    if ((status == AIP_OK) != (c != NULL) || (status == AIP_OK) != (err == NULL)) abort();
    if (c) {
        char *part = aip__checkpoint_part(c, "/d/x.csv.gz");
        if (!part || aip__checkpoint_sequence(c) < 1 || strcmp(part + strlen(part) - 7, ".csv.gz") != 0) abort();
        for (int32_t i = 0; i < aip__checkpoint_n_columns(c); i++) {
            const char *name = NULL, *type = NULL;
            if (!aip__checkpoint_column(c, i, &name, &type) || !name || !type) abort();
        }
        if (aip__checkpoint_find(c, "") || aip__checkpoint_moved(c)) abort();
        aip__free(ctx, part);
    }
    aip__checkpoint_free(c);
    aip_error_free(err);
    fuzz_end(&host);
    return 0;
}
