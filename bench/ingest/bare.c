/* What bench/ingest is held against below the level of tables: `bare csv|zlib|isal|libdeflate FILE`.
 *   csv         libcsv over the file in blocks of 64 KiB; its callbacks do nothing but strtod each field that begins as a number does
 *   zlib        inflate alone, into a buffer of 64 KiB
 *   isal        the same with ISA-L
 *   libdeflate  the whole member at once
 * Prints what bench/ingest/ingest.c prints, without sums. `bare inflaters` prints the names of those that were built in; the first is what the
 * library streams gzip through. */
#include <csv.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

#define BLOCK (64 << 10)
#define MAX_TIMES 3
#define ENOUGH 1.5

static double number;
static long long n_rows, n_bytes;

static void fail(const char *what) {
    fprintf(stderr, "bare: %s\n", what);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double peak_mb(void) {
    char line[200];
    long long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lld", &kb) == 1) break;
    if (f) fclose(f);
    return (double)kb * 1024 / 1e6;
}

static void field(void *text, size_t n, void *user) {
    (void)user;
    const char *s = text; /* ended by a NUL: CSV_APPEND_NULL */
    if (n > 0 && (s[0] == '-' || (s[0] >= '0' && s[0] <= '9'))) number += strtod(s, NULL);
}
static void record(int end, void *user) {
    (void)end, (void)user;
    n_rows++;
}

static void parse(int fd) {
    static char block[BLOCK];
    struct csv_parser p;
    if (csv_init(&p, CSV_APPEND_NULL) != 0) fail("csv_init");
    for (ssize_t got; (got = read(fd, block, sizeof block)) > 0; n_bytes += got)
        if (csv_parse(&p, block, (size_t)got, field, record, NULL) != (size_t)got) fail(csv_strerror(csv_error(&p)));
    csv_fini(&p, field, record, NULL);
    csv_free(&p);
}

static void inflate_all(int fd) {
    static unsigned char in[BLOCK], out[BLOCK];
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK) fail("inflateInit2");
    int status = Z_OK;
    for (ssize_t got; status != Z_STREAM_END && (got = read(fd, in, sizeof in)) > 0;) {
        z.next_in = in;
        z.avail_in = (unsigned)got;
        while (z.avail_in > 0 && status != Z_STREAM_END) {
            z.next_out = out;
            z.avail_out = sizeof out;
            status = inflate(&z, Z_NO_FLUSH);
            if (status != Z_OK && status != Z_STREAM_END) fail("inflate");
            n_bytes += (long long)(sizeof out - z.avail_out);
        }
    }
    if (status != Z_STREAM_END) fail("the member does not end");
    inflateEnd(&z);
}

static void inflate_isal(int fd) {
#ifdef HAVE_ISAL
    static unsigned char in[BLOCK], out[BLOCK];
    static struct inflate_state z;
    isal_inflate_init(&z);
    z.crc_flag = ISAL_GZIP;
    for (ssize_t got; z.block_state != ISAL_BLOCK_FINISH && (got = read(fd, in, sizeof in)) > 0;) {
        z.next_in = in;
        z.avail_in = (uint32_t)got;
        do { /* output may be left when all input is taken */
            z.next_out = out;
            z.avail_out = sizeof out;
            if (isal_inflate(&z) != ISAL_DECOMP_OK) fail("isal_inflate");
            n_bytes += (long long)(sizeof out - z.avail_out);
        } while (z.avail_out == 0 || (z.avail_in > 0 && z.block_state != ISAL_BLOCK_FINISH));
    }
    if (z.block_state != ISAL_BLOCK_FINISH) fail("the member does not end");
#else
    (void)fd;
    fail("built without ISA-L");
#endif
}

static void inflate_whole(int fd) {
#ifdef HAVE_LIBDEFLATE
    struct stat info;
    if (fstat(fd, &info) != 0) fail("fstat");
    size_t n = (size_t)info.st_size, out_n = 0;
    unsigned char *in = malloc(n), *out = NULL;
    if (!in || n < 18) fail("too small for gzip");
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, in + at, n - at);
        if (got <= 0) fail("read");
        at += (size_t)got;
    }
    size_t size = in[n - 4] | (size_t)in[n - 3] << 8 | (size_t)in[n - 2] << 16 | (size_t)in[n - 1] << 24;
    out = malloc(size + 1);
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (!out || !d || libdeflate_gzip_decompress(d, in, n, out, size, &out_n) != LIBDEFLATE_SUCCESS) fail("libdeflate");
    n_bytes += (long long)out_n;
    libdeflate_free_decompressor(d);
    free(in);
    free(out);
#else
    (void)fd;
    fail("built without libdeflate");
#endif
}

static int inflaters(void) {
#if defined(HAVE_ISAL) && defined(LIBRARY_ISAL)
    printf("isal zlib");
#elif defined(HAVE_ISAL)
    printf("zlib isal");
#else
    printf("zlib");
#endif
#ifdef HAVE_LIBDEFLATE
    printf(" libdeflate");
#endif
    printf("\n");
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "inflaters")) return inflaters();
    void (*work)(int) = argc != 3                        ? NULL
                        : !strcmp(argv[1], "csv")        ? parse
                        : !strcmp(argv[1], "zlib")       ? inflate_all
                        : !strcmp(argv[1], "isal")       ? inflate_isal
                        : !strcmp(argv[1], "libdeflate") ? inflate_whole
                                                         : NULL;
    if (!work) return fprintf(stderr, "usage: bare csv|zlib|isal|libdeflate FILE\n"), 2;
    double seconds[MAX_TIMES], cpu[MAX_TIMES], spent = 0, start = peak_mb(), peak = 0;
    int n = 0;
    for (; n < MAX_TIMES && spent < ENOUGH; n++) {
        n_rows = n_bytes = 0;
        double began = now(CLOCK_MONOTONIC), cpu_began = now(CLOCK_PROCESS_CPUTIME_ID);
        int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
        if (fd < 0) fail(argv[2]);
        work(fd);
        close(fd);
        seconds[n] = now(CLOCK_MONOTONIC) - began;
        cpu[n] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
        spent += seconds[n];
        if (n == 0) peak = peak_mb();
    }
    printf("{\"seconds\": [");
    for (int i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "", seconds[i]);
    printf("], \"cpu\": [");
    for (int i = 0; i < n; i++) printf("%s%.6f", i ? ", " : "", cpu[i]);
    printf("], \"start_mb\": %.1f, \"peak_mb\": %.1f, \"bytes\": %lld, \"records\": %lld, \"number\": %.17g}\n", start, peak,
           n_bytes, n_rows, number);
    return 0;
}
