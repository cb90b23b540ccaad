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
    uint64_t crs;   /* likewise: something other than delimiters and line feeds stood behind closing quotes */
    uint64_t lines; /* line feeds inside quotes */
} LEVEL(state);

/* Of the 64 bytes at p, those in `valid`: masks of delimiters and line feeds that end something. Returns what is not regular: 0 if all is.
 * common: the dialect has neither comments nor escapes, and quotes are doubled. */
INLINE uint64_t LEVEL(look)(const aip__csv_dialect *d, LEVEL(state) * s, const char *p, uint64_t valid, bool common,
                            uint64_t *delimiters, uint64_t *feeds) {
    const LEVEL(text64) v = LEVEL(load)(p);
    uint64_t delimiter = LEVEL(equal)(v, (uint8_t)d->delimiter) & valid, feed = LEVEL(equal)(v, '\n') & valid, bad = 0;
    uint64_t quote = d->quote >= 0 ? LEVEL(equal)(v, (uint8_t)d->quote) & valid : 0, starts = delimiter | feed;
    s->quotes |= quote;
    if (s->quotes) {
        uint64_t in = LEVEL(inside)(quote) ^ s->inside, opening = quote & in, closing = quote & ~in;
        uint64_t behind = (closing << 1) | s->closed; /* a closing quote */
        uint64_t stray = behind & valid & ~(starts | quote), cr = 0;
        starts |= closing;
        bad = opening & ~((starts << 1) | s->opens);
        s->crs |= stray | s->cr;
        if (s->crs) {
            cr = LEVEL(equal)(v, '\r') & stray;
            bad |= (stray & ~cr) | (((cr << 1) | s->cr) & valid & ~feed);
        }
        if (!common && d->no_doubling) bad |= behind & quote;
        s->lines += LEVEL(ones)(feed & in);
        delimiter &= ~in;
        feed &= ~in;
        s->inside = 0 - (in >> 63);
        s->closed = closing >> 63;
        s->cr = cr >> 63;
    }
    s->opens = starts >> 63;
    if (!common && d->comment >= 0) {
        bad |= LEVEL(equal)(v, (uint8_t)d->comment) & valid & ((feed << 1) | s->record);
        s->record = feed >> 63;
    }
    if (!common && d->escape) bad |= LEVEL(equal)(v, (uint8_t)d->escape) & valid;
    *delimiters = delimiter;
    *feeds = feed;
    return bad;
}

INLINE uint64_t LEVEL(valid)(size_t left) { return left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1; }

static void LEVEL(index)(const aip__csv_dialect *d, const char *text, uint32_t n, uint32_t *ends, uint32_t max_ends,
                         aip__csv_found *out) {
    const aip__csv_dialect dialect = *d;
    LEVEL(state) s = {.opens = 1, .record = 1};
    uint32_t n_ends = 0, n_records = 0, i = 0;
    bool regular = true;
    for (; i < n && n_ends + 64 <= max_ends; i += 64) {
        uint64_t delimiters = 0, feeds = 0;
        regular = LEVEL(look)(&dialect, &s, text + i, LEVEL(valid)(n - i), false, &delimiters, &feeds) == 0;
        if (!regular) break;
        n_ends += LEVEL(put)(delimiters | feeds, i, ends + n_ends);
        n_records += LEVEL(ones)(feeds);
    }
    *out = (aip__csv_found){.n_ends = n_ends, .n_records = n_records, .seen = i < n ? i : n, .irregular = !regular};
}

typedef struct LEVEL(cutting) {
    aip__csv_dialect dialect;
    LEVEL(state) s;
    aip__csv_sum sum; /* of text[0..seen) */
    size_t seen;
    uint64_t dropped; /* records in there that are past max_records */
    bool full;
} LEVEL(cutting);

/* Whole stretches while all is regular and there are not too many records. */
INLINE void LEVEL(cut_stretches)(LEVEL(cutting) * c, const char *text, size_t n, int64_t max_records,
                                 const aip__csv_marks *marks) {
    const aip__csv_dialect dialect = c->dialect;
    for (; n - c->seen >= AIP__CSV_STRETCH; c->seen += AIP__CSV_STRETCH) {
        LEVEL(state) s = c->s;
        uint64_t bad = 0, *ends = marks->ends + c->seen / 64;
        uint32_t n_ends = 0, n_records = 0;
        const char *p = text + c->seen;
        for (int k = 0; k < AIP__CSV_STRETCH / 512; k++) {
            for (int j = 0; j < 8; j++, p += 64, ends++) {
                uint64_t delimiters = 0, feeds = 0;
                bad |= LEVEL(look)(&dialect, &s, p, ~UINT64_C(0), true, &delimiters, &feeds);
                *ends = delimiters | feeds;
                n_ends += LEVEL(ones)(delimiters | feeds);
                n_records += LEVEL(ones)(feeds);
            }
            if (bad) return;
        }
        if ((int64_t)c->sum.records + n_records >= max_records) return;
        c->s = s;
        c->sum.ends += n_ends;
        c->sum.records += n_records;
        marks->sums[c->seen / AIP__CSV_STRETCH] = c->sum;
    }
}

/* 64 bytes at a time up to the end or to what stops it; says whether that is something irregular. */
static bool LEVEL(cut_rest)(LEVEL(cutting) * c, const char *text, size_t n, int64_t max_records, const aip__csv_marks *marks) {
    const aip__csv_dialect *d = &c->dialect;
    const size_t longest = d->lenient && d->max_record > 0 ? (size_t)d->max_record : SIZE_MAX; /* beyond it quotes may be none */
    size_t last = 0; /* behind the last record, of a dialect that has not had whole stretches */
    while (c->seen < n && !c->full) {
        uint64_t delimiters = 0, feeds = 0;
        LEVEL(state) s = c->s;
        uint64_t bad = LEVEL(look)(d, &s, text + c->seen, LEVEL(valid)(n - c->seen), false, &delimiters, &feeds);
        size_t first = feeds ? c->seen + (unsigned)__builtin_ctzll(feeds) : c->seen;
        if (bad || first - last > longest) return true;
        uint32_t records = LEVEL(ones)(feeds);
        int64_t room = max_records - (int64_t)c->sum.records;
        c->full = (int64_t)records >= room;
        for (; (int64_t)records > room; records--, c->dropped++) feeds &= ~(UINT64_C(1) << (63 - __builtin_clzll(feeds)));
        if (feeds) last = c->seen + 64 - (unsigned)__builtin_clzll(feeds);
        uint64_t kept = c->full ? ~UINT64_C(0) >> __builtin_clzll(feeds) : ~UINT64_C(0);
        c->s = s;
        c->sum.records += records;
        c->sum.ends += LEVEL(ones)((delimiters & kept) | feeds);
        marks->ends[c->seen / 64] = (delimiters & kept) | feeds;
        c->seen = n - c->seen < 64 ? n : c->seen + 64;
        if (c->seen % AIP__CSV_STRETCH == 0) marks->sums[c->seen / AIP__CSV_STRETCH - 1] = c->sum;
    }
    return c->seen == n && !c->full && longest < SIZE_MAX && n - last > longest;
}

static void LEVEL(cut)(const aip__csv_dialect *d, const char *text, size_t n, int64_t max_records, const aip__csv_marks *marks,
                       aip__csv_cut *out) {
    LEVEL(cutting) c = {.dialect = *d, .s = {.opens = 1, .record = 1}};
    if (d->comment < 0 && !d->escape && !d->no_doubling && !d->lenient) LEVEL(cut_stretches)(&c, text, n, max_records, marks);
    bool irregular = LEVEL(cut_rest)(&c, text, n, max_records, marks);
    size_t whole = last_record(text, c.seen, marks->ends);
    int64_t lines =
        (int64_t)(c.sum.records + c.dropped + c.s.lines) - (int64_t)aip__csv_count_lines(text + whole, c.seen - whole);
    *out = (aip__csv_cut){.n = whole, .n_records = c.sum.records, .n_lines = lines, .full = c.full, .irregular = irregular};
}

/* Zeroes are passed over 512 at a time: where texts are long, ends are far apart. */
static uint32_t LEVEL(ends)(const uint64_t *marks, size_t from, size_t to, uint32_t *ends) {
    uint32_t n = 0, base = (uint32_t)(from / 64 * 64 - from);
    uint64_t first = ~UINT64_C(0) << from % 64;
    const uint64_t *m = marks + from / 64, *stop = marks + to / 64;
    for (; m < stop; m++, base += 64, first = ~UINT64_C(0)) {
        for (; stop - m > 8 && !(m[0] | m[1] | m[2] | m[3] | m[4] | m[5] | m[6] | m[7]); m += 8, base += 512)
            first = ~UINT64_C(0);
        n += LEVEL(put)(*m & first, base, ends + n);
    }
    if (to % 64) n += LEVEL(put)(*m & first & ((UINT64_C(1) << to % 64) - 1), base, ends + n);
    return n;
}

static const aip__csv_kernels LEVEL(kernels) = {
    .name = LEVEL_NAME, .index = LEVEL(index), .cut = LEVEL(cut), .ends = LEVEL(ends)};
