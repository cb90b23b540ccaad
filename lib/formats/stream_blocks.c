/* A ring of blocks. Two locks: `work` is held by who undoes a block, `lock` for bookkeeping; a reader that finds no block takes up the work itself,
 * or waits until the thread that has it is done, which waits for nothing. */
#include "formats/stream_blocks.h"

#include "base/checked.h"
#include "base/context.h"
#include <pthread.h>
#include <string.h>

#define AHEAD 2 /* blocks; more than one, so that who undoes them may take up something else meanwhile */

typedef struct {
    aip__buffer *buffer;
    int64_t used;
} block;

struct aip__blocks {
    aip_context *ctx;
    size_t front, n;
    aip__blocks_undo undo;
    void *user;
    bool cramped; /* the memory limit leaves no room for blocks ahead */

    pthread_mutex_t work; /* before lock, where both are taken */
    pthread_mutex_t lock; /* of what follows */
    block ring[AHEAD];
    int32_t first, n_ready;
    bool ended, refused; /* refused: memory, for a block ahead; the reader is to find out itself */
    int32_t status;      /* of the end */
    aip_error *error;

    aip__buffer *left; /* the reader's: what it has not taken yet of a block, left->data[left_at..left->size) */
    size_t left_at;
    int64_t used;
};

int32_t aip__blocks_new(aip_context *ctx, size_t front, size_t n, aip__blocks_undo undo, void *user, aip__blocks **out,
                        aip_error **err) {
    size_t size = 0;
    if (n == 0 || aip__add_size(front, n, &size)) return aip__error_nomem(err);
    aip__blocks *b = aip__calloc(ctx, 1, sizeof *b);
    if (!b) return aip__error_memory(ctx, err);
    b->ctx = ctx;
    b->front = front;
    b->n = n;
    b->undo = undo;
    b->user = user;
    b->cramped = size > ctx->memory_limit / 32;
    pthread_mutex_init(&b->work, NULL);
    pthread_mutex_init(&b->lock, NULL);
    *out = b;
    return AIP_OK;
}

void aip__blocks_free(aip__blocks *b) {
    if (!b) return;
    for (; b->n_ready > 0; b->n_ready--, b->first = (b->first + 1) % AHEAD) aip__buffer_free(b->ring[b->first].buffer);
    aip__buffer_free(b->left);
    aip_error_free(b->error);
    pthread_mutex_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    aip__free(b->ctx, b);
}

static bool has_room(aip__blocks *b, int32_t most) {
    pthread_mutex_lock(&b->lock);
    bool room = !b->ended && b->n_ready < most;
    pthread_mutex_unlock(&b->lock);
    return room;
}

/* One more block, while there are fewer than `most`; *did: one was undone, or the end was found. Errors: of memory for the block; those of undo are
 * kept for the block's place. */
static int32_t undo_one(aip__blocks *b, int32_t most, bool *did, aip_error **err) {
    pthread_mutex_lock(&b->work);
    int32_t status = AIP_OK;
    if (has_room(b, most)) {
        aip__buffer *fresh = aip__buffer_new(b->ctx, b->front + b->n);
        if (!fresh) {
            status = aip__error_memory(b->ctx, err);
        } else {
            size_t got = 0;
            int64_t used = 0;
            aip_error *e = NULL;
            int32_t undone = b->undo(b->user, fresh->data + b->front, b->n, &got, &used, &e);
            aip__buffer_resize(&fresh, b->front + (undone == AIP_OK ? got : 0)); /* shrinks: cannot fail */
            bool empty = undone != AIP_OK || got == 0;
            pthread_mutex_lock(&b->lock);
            if (!empty) b->ring[(b->first + b->n_ready++) % AHEAD] = (block){.buffer = fresh, .used = used};
            b->ended = empty || got < b->n;
            b->status = undone;
            b->error = e;
            pthread_mutex_unlock(&b->lock);
            if (empty) aip__buffer_free(fresh);
            *did = true;
        }
    }
    pthread_mutex_unlock(&b->work);
    return status;
}

static void set_refused(aip__blocks *b, bool refused) {
    pthread_mutex_lock(&b->lock);
    b->refused = refused;
    pthread_mutex_unlock(&b->lock);
}

bool aip__blocks_ahead(aip__blocks *b) {
    bool did = false;
    pthread_mutex_lock(&b->lock);
    bool off = b->cramped || b->refused;
    pthread_mutex_unlock(&b->lock);
    if (!off && undo_one(b, AHEAD, &did, NULL) != AIP_OK) set_refused(b, true);
    return did;
}

bool aip__blocks_ready(aip__blocks *b) {
    pthread_mutex_lock(&b->lock);
    bool ready = b->n_ready > 0 || b->ended || b->cramped || b->refused;
    pthread_mutex_unlock(&b->lock);
    return ready;
}

/* The next block becomes what is left; NULL at the end. */
static int32_t take(aip__blocks *b, aip_error **err) {
    for (;;) {
        bool did = false;
        pthread_mutex_lock(&b->lock);
        if (b->n_ready > 0) {
            block *next = &b->ring[b->first];
            b->left = next->buffer;
            b->left_at = b->front;
            b->used = next->used;
            b->first = (b->first + 1) % AHEAD;
            b->n_ready--;
            pthread_mutex_unlock(&b->lock);
            return AIP_OK;
        }
        bool ended = b->ended;
        pthread_mutex_unlock(&b->lock);
        if (ended) {
            if (b->status != AIP_OK && err && b->error) *err = aip__error_copy(b->error);
            return b->status;
        }
        AIP__TRY(undo_one(b, 1, &did, err));
        if (did) set_refused(b, false);
    }
}

int32_t aip__blocks_next(aip__blocks *b, aip__buffer **out, size_t *at, bool *last, aip_error **err) {
    if (!b->left) AIP__TRY(take(b, err));
    *out = b->left;
    *at = b->left_at;
    *last = !b->left || b->left->size < b->front + b->n;
    b->left = NULL;
    return AIP_OK;
}

int32_t aip__blocks_read(aip__blocks *b, void *bytes, size_t n, size_t *got, aip_error **err) {
    size_t made = 0;
    while (made < n) {
        if (!b->left) AIP__TRY(take(b, err));
        if (!b->left) break;
        size_t have = b->left->size - b->left_at, more = have < n - made ? have : n - made;
        memcpy((uint8_t *)bytes + made, b->left->data + b->left_at, more);
        made += more;
        b->left_at += more;
        if (more < have) continue;
        aip__buffer_free(b->left);
        b->left = NULL;
    }
    *got = made;
    return AIP_OK;
}

int64_t aip__blocks_used(const aip__blocks *b) { return b->used; }
