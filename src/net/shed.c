#include "net/shed.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>

/* Stands at the front of a block that waits, where nobody needs the content any more. */
struct block {
    struct list link;
    size_t size;
};

static void go_on(struct job *job)
{
    struct shed *shed = LIST_OWNER(job, struct shed, job);
    struct list *link = list_take_first(&shed->blocks);
    struct block *block;

    if (link == NULL)
        return;
    block = LIST_OWNER(link, struct block, link);
    if (block->size <= LIMIT_SHED_BYTES) {
        mem_free(block);
    } else {
        size_t left = block->size - LIMIT_SHED_BYTES;

        block->size = left > sizeof(*block) ? left : sizeof(*block); /* which stands in it */
        block = mem_grow(block, block->size);                        /* it may have moved */
        block->link = (struct list){ 0 };
        list_append(&shed->blocks, &block->link);
    }
    if (!list_empty(&shed->blocks))
        loop_later(shed->loop, LOOP_REAP, &shed->job);
}

void shed_init(struct shed *shed, struct loop *loop)
{
    *shed = (struct shed){ .loop = loop, .job.run = go_on };
    list_init(&shed->blocks);
}

void shed_done(struct shed *shed)
{
    struct list *link;

    while ((link = list_take_first(&shed->blocks)) != NULL)
        mem_free(LIST_OWNER(link, struct block, link));
    list_remove(&shed->job.link);
}

void shed_buf(struct shed *shed, struct buf *buf)
{
    struct block *block;

    if (buf->room <= LIMIT_SHED_BYTES) {
        buf_done(buf);
        return;
    }
    static_assert(sizeof(*block) <= LIMIT_SHED_BYTES, "it stands in the block");
    block = (struct block *)(void *)buf->bytes;
    *block = (struct block){ .size = buf->room };
    buf_init(buf, buf->max);
    list_append(&shed->blocks, &block->link);
    loop_later(shed->loop, LOOP_REAP, &shed->job);
}
