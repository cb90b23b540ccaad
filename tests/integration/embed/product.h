/* product.h: what the product around embed.c brings: memory, log, rows to score and somewhere to put the answers. */
#ifndef PRODUCT_H
#define PRODUCT_H

#include <aipipe/aipipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *heap_resize(void *user, void *ptr, size_t old_size, size_t new_size, size_t align) {
    void *fresh = NULL;
    (void)user;
    if (new_size > 0) {
        if (posix_memalign(&fresh, align < sizeof(void *) ? sizeof(void *) : align, new_size) != 0) return NULL;
        if (ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    free(ptr);
    return fresh;
}

static void product_log(void *user, int32_t level, const char *task, const char *message) {
    (void)user;
    if (level <= AIP_LOG_WARNING) printf("log %s: %s\n", task ? task : "-", message);
}

typedef struct flight {
    double distance;
    const char *carrier;
    double p_late;
} flight;

static int n_flights;

static int next_flight(flight *f) {
    static const flight flights[] = {{2475, "AA", 0}, {200, "EV", 0}, {0.0 / 0.0, NULL, 0}};
    if (n_flights == 3) return 0;
    *f = flights[n_flights++];
    return 1;
}

static void publish(const flight *f) { printf("late %.12f\n", f->p_late); }

#endif
