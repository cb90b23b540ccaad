/* What a plain YAML scalar means: the core schema of YAML 1.2.2, section 10.3.2. `yes`, `on` and dates are strings. */
#include "base/yaml_scalar.h"

#include "base/error.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return true;
    return false;
}

static const char *skip_digits(const char *p, const char *digits) { return p + strspn(p, digits); }

/* The base of an integer's notation, or 0 when text is no integer. */
static int integer_base(const char *text) {
    const char *p = text;
    if (p[0] == '0' && p[1] == 'o' && p[2] && !*skip_digits(p + 2, "01234567")) return 8;
    if (p[0] == '0' && p[1] == 'x' && p[2] && !*skip_digits(p + 2, "0123456789abcdefABCDEF")) return 16;
    if (*p == '-' || *p == '+') p++;
    return *p && !*skip_digits(p, "0123456789") ? 10 : 0;
}

static bool is_decimal(const char *p) {
    if (*p == '-' || *p == '+') p++;
    const char *q = skip_digits(p, "0123456789");
    bool digits = q > p;
    if (*q == '.') {
        p = q + 1;
        q = skip_digits(p, "0123456789");
        digits = digits || q > p;
    }
    if (!digits) return false;
    if (*q == 'e' || *q == 'E') {
        p = q + 1;
        if (*p == '-' || *p == '+') p++;
        q = skip_digits(p, "0123456789");
        if (q == p) return false;
    }
    return *q == 0;
}

int32_t aip__yaml_scalar(const char *text, aip__node *node, aip_error **err) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL}, *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL}, *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    node->kind = AIP__STRING;
    int base = integer_base(text);
    if (is_one_of(text, nulls)) {
        node->kind = AIP__NULL;
    } else if (is_one_of(text, trues) || is_one_of(text, falses)) {
        node->kind = AIP__BOOL;
        node->boolean = is_one_of(text, trues);
    } else if (base != 0) {
        errno = 0;
        node->kind = AIP__INT;
        node->integer = strtoll(base == 10 ? text : text + 2, NULL, base);
        node->real = (double)node->integer;
        if (errno == ERANGE)
            return aip__error_set(err, AIP_E_SYNTAX, "the integer %.60s does not fit 64 bits; quote it to make it a string",
                                  text);
    } else if (is_decimal(text)) {
        node->kind = AIP__FLOAT;
        node->real = aip__strtod(text, NULL);
        if (isinf(node->real))
            return aip__error_set(err, AIP_E_SYNTAX, "the number %.60s is too large; quote it to make it a string", text);
    } else if (is_one_of(text, nans)) {
        node->kind = AIP__FLOAT;
        node->real = (double)NAN;
    } else {
        const char *unsigned_text = text[0] == '-' || text[0] == '+' ? text + 1 : text;
        if (is_one_of(unsigned_text, infinities)) {
            node->kind = AIP__FLOAT;
            node->real = text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        }
    }
    return AIP_OK;
}
