/* A whole text, WIDTH bytes at a time; included once for each width by utf8_vectors.c, which defines OF(name): the operations on OF(bytes). Once a byte
 * is not ASCII, all that follow are looked at as if they were not, for the sake of a steady branch. The least of all bytes tells whether a NUL is
 * among them. */

static bool OF(valid)(const char *s, size_t n, bool *any_nul) {
    OF(bytes) before = OF(fill)(0), wrong = before, least = OF(fill)(-1);
    size_t i = 0;
    for (; n - i >= WIDTH; i += WIDTH) {
        OF(bytes) a = OF(load)(s + i);
        if (OF(high)(a)) break;
        least = OF(min)(least, a);
    }
    while (n - i >= WIDTH) { /* now and then it is asked whether something is wrong */
        size_t stop = n - i > 4096 ? i + 4096 : n;
        for (; stop - i >= WIDTH; i += WIDTH) {
            OF(bytes) a = OF(load)(s + i);
            least = OF(min)(least, a);
            wrong = OF(or)(wrong, OF(errors)(a, before));
            before = a;
        }
        if (!OF(zero)(wrong)) return false;
    }
    if (i < n) { /* filled up with what is ASCII, and no NUL */
        OF(bytes) a = OF(rest)(s + i, n - i);
        least = OF(min)(least, a);
        wrong = OF(or)(wrong, OF(errors)(a, before));
        before = a;
    }
    /* A character that the end cuts off lacks its continuation. */
    wrong = OF(or)(wrong, OF(errors)(OF(fill)(0), before));
    *any_nul = OF(nul)(least);
    return OF(zero)(wrong);
}
