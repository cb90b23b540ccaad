/* The progress line of one long call: bar, rows, speed and time left, redrawn in place at most ten times a second. */
#include "tool.h"

#include <math.h>

#define BAR_COLUMNS 24
#define BAR_NARROW 8

static void draw(progress *p, double now) {
    double elapsed = now - p->started;
    int width = term_width(&term_err) - 1;
    line l = {0};
    line_add(&l, "%s  ", p->label);
    if (p->last.fraction >= 0) {
        line_bar(&l, p->last.fraction, width < 80 ? BAR_NARROW : BAR_COLUMNS);
        line_add(&l, " %3.0f %%  ", p->last.fraction * 100);
    }
    line_count_of(&l, p->last.rows, "row");
    line_add(&l, "  ");
    if (elapsed > 0.2 && p->last.bytes > 0 && width >= 72) {
        line_bytes_size(&l, (double)p->last.bytes / elapsed);
        line_add(&l, "/s  ");
    }
    if (p->last.fraction > 0.02 && elapsed > 1) {
        double left = elapsed * (1 - p->last.fraction) / p->last.fraction;
        if (left < 60)
            line_add(&l, "%.0f s", ceil(left));
        else
            line_seconds(&l, left);
        line_add(&l, " left");
    } else {
        line_seconds(&l, elapsed);
    }
    line cut = {0};
    line_clean(&cut, l.bytes, l.n, width);
    fprintf(stderr, "\r\033[K%s", cut.bytes);
    fflush(stderr);
    line_free(&l);
    line_free(&cut);
    p->drawn = now;
    p->on_screen = true;
}

static int32_t report(void *user, const aip_progress *given) {
    progress *p = user;
    double now = clock_seconds();
    p->last = *given;
    if (p->visible && now - p->drawn >= 0.1 && now - p->started > 0.3) draw(p, now);
    return AIP_OK;
}

int32_t progress_begin(progress *p, aip_context *ctx, const char *label, aip_call *call, aip_error **err) {
    *p = (progress){.label = label, .started = clock_seconds(), .visible = term_err.moves && !talk_quiet};
    p->last.fraction = -1;
    *call = (aip_call)AIP_CALL_INIT;
    int32_t status = aip_cancel_create(ctx, &call->cancel, err);
    if (status != AIP_OK) return status;
    call->progress = report;
    call->user = p;
    interrupt_watch_call(call->cancel);
    return AIP_OK;
}

void progress_end(progress *p, aip_call *call) {
    interrupt_unwatch();
    aip_cancel_free(call->cancel);
    call->cancel = NULL;
    if (p->on_screen) fputs("\r\033[K", stderr);
    p->on_screen = false;
}
