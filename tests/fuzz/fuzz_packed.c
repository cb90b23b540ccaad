/* Gzip and zstd from hostile bytes, read in steps of any size: what comes out is what the libraries themselves make of the whole of the same bytes,
 * or both refuse. The first byte chooses the step. */
#include "formats/gzip/gzip.h"
#include "formats/stream.h"
#include "formats/zstd/zstd_codec.h"
#include "fuzz.h"
#include <zlib.h>
#ifdef AIPIPE_ZSTD
#include <zstd.h>
#endif

#define MOST ((size_t)1 << 17)  /* bytes of output that are compared */
#define AHEAD ((size_t)1 << 17) /* bytes before damage from which on it may be found */

static fuzz_host host;
static uint8_t mine[MOST + 1], theirs[MOST + AHEAD + 1];
static size_t most; /* MOST, and less where it is read in small steps */

/* AIP_OK, the error, or 1: more than `most` bytes. */
static int32_t read_mine(aip_context *ctx, const uint8_t *data, size_t n, size_t step, size_t *made, aip_error **err) {
    aip__stream *s = NULL;
    size_t got = 0;
    *made = 0;
    int32_t status = aip__stream_memory(ctx, data, n, &s, err);
    while (status == AIP_OK) {
        size_t left = most + 1 - *made, want = step < left ? step : left;
        status = aip__stream_read(s, mine + *made, want, &got, err);
        if (status != AIP_OK) break;
        *made += got;
        if (*made > most) status = 1;
        if (got < want) break;
    }
    aip__stream_close(s);
    return status;
}

/* AIP_OK, AIP_E_CORRUPT, or 1: more than `limit` bytes. */
static int32_t zlib_all(const uint8_t *data, size_t n, size_t limit, size_t *made) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n, .next_out = theirs};
    z.avail_out = (uInt)(limit + 1);
    int status = inflateInit2(&z, 31);
    must(status == Z_OK, "zlib");
    do {
        status = inflate(&z, Z_NO_FLUSH);
        *made = limit + 1 - z.avail_out;
        if (status == Z_STREAM_END && z.avail_in > 0) status = *z.next_in == 0x1f ? inflateReset(&z) : Z_DATA_ERROR;
    } while (status == Z_OK && z.avail_out > 0);
    inflateEnd(&z);
    return *made > limit ? 1 : status == Z_STREAM_END ? AIP_OK : AIP_E_CORRUPT;
}

/* With ZSTD_decompress, or with libzstd's stream, which as the zstd command takes empty blocks of any type where the former wants two bytes in a
 * compressed one. */
static int32_t zstd_all(const uint8_t *data, size_t n, size_t *made) {
#ifdef AIPIPE_ZSTD
    *made = ZSTD_decompress(theirs, most + 1, data, n);
    if (!ZSTD_isError(*made)) return *made > most ? 1 : AIP_OK;
    ZSTD_DStream *stream = ZSTD_createDStream();
    must(stream != NULL, "libzstd");
    ZSTD_inBuffer in = {.src = data, .size = n};
    ZSTD_outBuffer out = {.dst = theirs, .size = most + 1};
    size_t left = 1, before;
    do {
        before = in.pos + out.pos;
        left = ZSTD_decompressStream(stream, &out, &in);
    } while (!ZSTD_isError(left) && in.pos + out.pos > before && (in.pos < in.size || left > 0));
    ZSTD_freeDStream(stream);
    *made = out.pos;
    return *made > most ? 1 : left == 0 && in.pos == in.size ? AIP_OK : AIP_E_CORRUPT;
#else
    (void)data, (void)n, (void)made;
    return AIP_E_CORRUPT;
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)4 << 20); /* a sixteenth is room for a member that is undone at once */
    aip_context *ctx = host.ctx;
    aip_error *err = NULL;
    size_t step = data[0] < 128 ? (size_t)data[0] + 1 : ((size_t)data[0] - 127) * 8192, made = 0, expected_n = 0;
    most = step < MOST / 256 ? step * 256 + size : MOST;
    fuzz_begin(&host);
    data++;
    size--;
    int32_t status = read_mine(ctx, data, size, step, &made, &err), expected = AIP_OK;
    bool gzip = aip__gzip_magic(data, size), zstd = aip__zstd_magic(data, size);
    if (gzip)
        expected = zlib_all(data, size, most, &expected_n);
    else if (zstd)
        expected = zstd_all(data, size, &expected_n);
    else
        must(status == AIP_OK && made == size && (size == 0 || memcmp(mine, data, size) == 0), "plain bytes are changed");
    if (status < 0) must(err != NULL && aip_error_message(err)[0], "an error without a message");
    /* What is given out lies behind what is undone, so damage shows before the bytes that stand before it. */
    if (gzip && status == AIP_E_CORRUPT && expected == 1) expected = zlib_all(data, size, most + AHEAD, &expected_n);
    /* libdeflate and ISA-L take some codes that zlib refuses: such a member is read when its checksum holds. */
    if (gzip && status >= 0 && expected == AIP_E_CORRUPT && (aip__gunzip_whole_available() || aip__gunzip_by_isal())) {
        must(expected_n <= made && memcmp(mine, theirs, expected_n) == 0, "other bytes than zlib's, as far as those go");
        expected = status;
        expected_n = made;
        memcpy(theirs, mine, made);
    }
    if (gzip) must(status == expected, "zlib thinks otherwise");
    if (zstd && status == AIP_OK) must(expected == AIP_OK, "libzstd refuses it");
    /* Not the other way round: only libzstd's stream holds blocks and windows to their limits. */
    if ((gzip && status >= 0) || (zstd && status == AIP_OK))
        must(made == expected_n && memcmp(mine, theirs, made) == 0, "other bytes than the library's own");
    aip_error_free(err);
    fuzz_end(&host);
    return 0;
}
