/* Text of any encoding from hostile bytes: the first byte chooses the encoding and what becomes of what cannot be decoded, the second the size of
 * the reads. What comes out does not depend on that size, and where all that cannot be decoded is replaced it is UTF-8. */
#include "data/utf8.h"
#include "formats/encoding/encoding.h"
#include "fuzz.h"

static const char *const encodings[] = {"utf-8",  "auto",         "utf-16",    "utf-16be",
                                        "utf-32", "windows-1252", "shift_jis", "iso-2022-jp"};

static fuzz_host host;

static int32_t decode(aip_context *ctx, const uint8_t *data, size_t n, const aip__text_options *o, size_t size, aip__text *out) {
    aip__stream *stream = NULL;
    aip__text_stream *t = NULL;
    char piece[256];
    size_t got = size;
    int32_t status = aip__stream_memory(ctx, data, n, &stream, NULL);
    if (status == AIP_OK) status = aip__text_stream_open(ctx, stream, o, &t, NULL);
    while (status == AIP_OK && got == size) {
        status = aip__text_stream_read(t, piece, size, &got, NULL);
        if (status == AIP_OK) aip__text_add(out, piece, got);
    }
    aip__text_stream_close(t);
    aip__stream_close(stream);
    must(!out->failed, "memory");
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2) return 0;
    if (!host.ctx) host.ctx = fuzz_make((uint64_t)64 << 20);
    aip_context *ctx = host.ctx;
    fuzz_begin(&host);
    aip__text_options options = {
        .encoding = encodings[data[0] & 7], .undecodable = (aip__undecodable)((data[0] >> 3) % 3), .quote = '"'};
    size_t size = 1 + data[1];
    if (size > 256) size = 256;
    aip__text whole, parts;
    aip__text_init(&whole, ctx);
    aip__text_init(&parts, ctx);
    int32_t first = decode(ctx, data + 2, n - 2, &options, 256, &whole),
            second = decode(ctx, data + 2, n - 2, &options, size, &parts);
    must(first == second, "the size of a read changes whether it fails");
    if (first == AIP_OK)
        must(whole.n == parts.n && (whole.n == 0 || memcmp(whole.bytes, parts.bytes, whole.n) == 0),
             "the size of a read changes the text");
    if (first == AIP_OK && options.undecodable == AIP__UNDECODABLE_REPLACE)
        must(whole.n == 0 || aip__utf8_valid(whole.bytes, whole.n), "what is replaced leaves no UTF-8");
    aip__text_free(&whole);
    aip__text_free(&parts);
    fuzz_end(&host);
    return 0;
}
