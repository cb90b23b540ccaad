/* The structural kernels at one vector level; included once for each by csv_index.c, which defines LEVEL(name) and what is said below:
 *
 *   LEVEL(text64)               64 bytes in registers; LEVEL(load)(p), LEVEL(equal)(v, byte) -> mask of 64 bits
 *   LEVEL(inside)(quotes)       the parity of quotes up to and with each byte
 *   LEVEL(ones)(mask)           how many bits are set
 *   LEVEL(put)(mask, base, to)  the set bits as offsets; may write 64 of them */

typedef struct LEVEL(state) {
    uint64_t inside; /* all ones: the byte before stood inside quotes */
    uint64_t opens;  /* 1: a field may start with the next byte */
    uint64_t closed; /* 1: the byte before was a closing quote */
    uint64_t cr;     /* 1: the byte before was a CR behind a closing quote */
    uint64_t record; /* 1: a record starts with the next byte */
    uint64_t
        quotes; /* there were some: what is true of most blocks then is taken to be true of all, for the sake of a steady branch */
} LEVEL(state);

/* Of the 64 bytes at p, those in `valid`: masks of delimiters and line feeds that end something, and of all line feeds. False: not regular. */
INLINE bool LEVEL(look)(const aip__csv_dialect *d, LEVEL(state) * s, const char *p, uint64_t valid, uint64_t *delimiters,
                        uint64_t *feeds, uint64_t *all_feeds) {
    const LEVEL(text64) v = LEVEL(load)(p);
    uint64_t delimiter = LEVEL(equal)(v, (uint8_t)d->delimiter) & valid, feed = LEVEL(equal)(v, '\n') & valid, bad = 0;
    uint64_t quote = d->quote >= 0 ? LEVEL(equal)(v, (uint8_t)d->quote) & valid : 0, closing = 0;
    *all_feeds = feed;
    s->quotes |= quote;
    if (s->quotes) {
        uint64_t in = LEVEL(inside)(quote) ^ s->inside, opening = quote & in;
        closing = quote & ~in;
        uint64_t behind = (closing << 1) | s->closed; /* a closing quote */
        uint64_t cr = LEVEL(equal)(v, '\r') & behind & valid;
        bad = opening & ~(((delimiter | feed | closing) << 1) | s->opens);
        bad |= behind & valid & ~(delimiter | feed | quote | cr);
        bad |= ((cr << 1) | s->cr) & valid & ~feed;
        if (d->no_doubling) bad |= behind & quote;
        delimiter &= ~in;
        feed &= ~in;
        s->inside = 0 - (in >> 63);
        s->closed = closing >> 63;
        s->cr = cr >> 63;
    }
    s->opens = (delimiter | feed | closing) >> 63;
    if (d->comment >= 0) {
        bad |= LEVEL(equal)(v, (uint8_t)d->comment) & valid & ((feed << 1) | s->record);
        s->record = feed >> 63;
    }
    if (d->escape) bad |= LEVEL(equal)(v, (uint8_t)d->escape) & valid;
    *delimiters = delimiter;
    *feeds = feed;
    return bad == 0;
}

static void LEVEL(index)(const aip__csv_dialect *d, const char *text, uint32_t n, uint32_t *ends, uint32_t max_ends,
                         aip__csv_found *out) {
    const aip__csv_dialect dialect = *d;
    LEVEL(state) s = {.opens = 1, .record = 1};
    uint32_t n_ends = 0, n_records = 0, i = 0;
    bool regular = true;
    for (; i < n && n_ends + 64 <= max_ends; i += 64) {
        uint64_t valid = n - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - i)) - 1, delimiters = 0, feeds = 0, all = 0;
        regular = LEVEL(look)(&dialect, &s, text + i, valid, &delimiters, &feeds, &all);
        if (!regular) break;
        n_ends += LEVEL(put)(delimiters | feeds, i, ends + n_ends);
        n_records += LEVEL(ones)(feeds);
    }
    *out = (aip__csv_found){.n_ends = n_ends, .n_records = n_records, .seen = i < n ? i : n, .irregular = !regular};
}

static void LEVEL(cut)(const aip__csv_dialect *d, const char *text, size_t n, int64_t max_records, aip__csv_cut *out) {
    const aip__csv_dialect dialect = *d;
    LEVEL(state) s = {.opens = 1, .record = 1};
    aip__csv_cut c = {0};
    const size_t longest = d->lenient && d->max_record > 0 ? (size_t)d->max_record : SIZE_MAX; /* beyond it quotes may be none */
    int64_t lines = 0;                                                                         /* up to here */
    for (size_t i = 0; i < n; i += 64) {
        uint64_t valid = n - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - i)) - 1, delimiters = 0, feeds = 0, all = 0;
        bool regular = LEVEL(look)(&dialect, &s, text + i, valid, &delimiters, &feeds, &all);
        size_t first = feeds ? i + (unsigned)__builtin_ctzll(feeds) : i;
        if (!regular || first - c.n > longest) {
            c.irregular = true;
            break;
        }
        if (feeds) {
            int64_t records = LEVEL(ones)(feeds);
            c.full = c.n_records + records >= max_records;
            if (c.full) {
                for (records = max_records - c.n_records; LEVEL(ones)(feeds) > (uint32_t)records;)
                    feeds &= ~(UINT64_C(1) << (63 - __builtin_clzll(feeds)));
            }
            unsigned last = 63 - (unsigned)__builtin_clzll(feeds);
            c.n_records += records;
            c.n = i + last + 1;
            c.n_lines = lines + LEVEL(ones)(all & (~UINT64_C(0) >> (63 - last)));
            if (c.full) break;
        }
        lines += LEVEL(ones)(all);
    }
    c.irregular |= !c.full && n - c.n > longest;
    *out = c;
}

static const aip__csv_kernels LEVEL(kernels) = {.name = LEVEL_NAME, .index = LEVEL(index), .cut = LEVEL(cut)};
