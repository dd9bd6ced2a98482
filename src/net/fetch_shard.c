/* fetch_shard: libcurl asks for its turns, and gets them.
 *
 *     on_watch ----------> fetch_socket_watch --> on_ready ---+
 *     on_timeout_wanted -> task_wake, task_alarm -> run ------+--> socket_action --> drain_done
 *     fetch_seat_resume -> shard->resumes ----------^
 */
#include "net/fetch_shard.h"

#include "base/mem.h"
#include "net/fetch_socket.h"
#include "net/loop.h"

#include <assert.h>

enum { SEAT_MAGIC = 0x73656174 };

struct fetch_shard {
    struct task
        task; /* gives libcurl its turn: woken when it asks, alarmed when it wants to wait */
    struct loop *loop;
    struct fetch_sockets *sockets;
    CURLM *multi; /* NULL: not needed yet */
    uint32_t calls;
    struct list resumes; /* paused calls whose inbox has room again */
};

struct fetch_shards {
    struct loop *loop;
    struct fetch_sockets *sockets;
    struct fetch_shards_config config;
    struct fetch_shard shards[];
};

/* The seat of a handle; NULL for those that libcurl has of its own. */
static struct fetch_seat *seat_of(CURL *easy)
{
    char *opaque = NULL;
    struct fetch_seat *seat;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &opaque);
    seat = (void *)opaque;
    assert(seat == NULL || seat->magic == SEAT_MAGIC);
    return seat;
}

/* ---- turns ---- */

static void drain_done(struct fetch_shard *shard)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        CURLcode result = message->data.result; /* gone once the handle is removed */
        struct fetch_seat *seat;

        if (message->msg != CURLMSG_DONE)
            continue;
        seat = seat_of(message->easy_handle);
        assert(seat != NULL);
        seat->on_end(seat, result);
    }
}

static void resume_paused(struct fetch_shard *shard)
{
    struct list *link;

    while ((link = list_take_first(&shard->resumes)) != NULL) {
        struct fetch_seat *seat = LIST_OWNER(link, struct fetch_seat, link);

        seat->paused = false; /* first: it may be paused again before this returns */
        (void)curl_easy_pause(seat->easy, CURLPAUSE_CONT);
    }
}

static void run(struct task *task)
{
    struct fetch_shard *shard = LIST_OWNER(task, struct fetch_shard, task);
    int running;

    resume_paused(shard);
    (void)curl_multi_socket_action(shard->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain_done(shard);
}

static void on_ready(void *owner, int fd, int events)
{
    struct fetch_shard *shard = owner;
    int running;

    (void)curl_multi_socket_action(shard->multi, fd, events, &running);
    drain_done(shard);
}

/* ---- what libcurl asks for ---- */

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *opaque, void *socket_opaque)
{
    struct fetch_shard *shard = opaque;
    struct fetch_seat *seat = seat_of(easy);

    (void)socket_opaque;
    if (seat && what != CURL_POLL_REMOVE)
        seat->socket = fd;
    fetch_socket_watch(shard->sockets, fd, what == CURL_POLL_REMOVE ? 0 : what, shard,
                       on_ready);
    return 0;
}

static int on_timeout_wanted(CURLM *multi, long wait_ms, void *opaque)
{
    struct fetch_shard *shard = opaque;

    (void)multi;
    if (wait_ms == 0)
        task_wake(&shard->task);
    else
        task_alarm(&shard->task,
                   wait_ms < 0 ? 0 : loop_now_ms(shard->loop) + (uint64_t)wait_ms);
    return 0;
}

/* ---- the shards ---- */

static void shard_init(struct fetch_shard *shard, const struct fetch_shards *shards)
{
    task_init(&shard->task, shards->loop, run);
    shard->loop = shards->loop;
    shard->sockets = shards->sockets;
    shard->multi = curl_multi_init();
    assert(shard->multi != NULL);
    list_init(&shard->resumes);
    (void)curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    (void)curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    (void)curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    (void)curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    (void)curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, shards->config.idle_max);
}

static void shard_done(struct fetch_shard *shard)
{
    if (shard->multi == NULL)
        return;
    (void)curl_multi_cleanup(shard->multi);
    shard->multi = NULL;
    task_done(&shard->task);
}

struct fetch_shards *fetch_shards_new(struct loop *loop, struct fetch_sockets *sockets,
                                      const struct fetch_shards_config *config)
{
    struct fetch_shards *shards =
        mem_zero(sizeof(*shards) + config->shards * sizeof(*shards->shards));

    shards->loop = loop;
    shards->sockets = sockets;
    shards->config = *config;
    return shards;
}

void fetch_shards_free(struct fetch_shards *shards)
{
    for (unsigned i = 0; i < shards->config.shards; i++) {
        assert(shards->shards[i].calls == 0);
        shard_done(&shards->shards[i]);
    }
    mem_free(shards);
}

void fetch_shards_tidy(struct fetch_shards *shards)
{
    for (unsigned i = 0; i < shards->config.shards; i++)
        if (shards->shards[i].calls == 0)
            shard_done(&shards->shards[i]);
}

static struct fetch_shard *choose(struct fetch_shards *shards)
{
    struct fetch_shard *best = &shards->shards[0];

    for (unsigned i = 0; i < shards->config.shards; i++) {
        struct fetch_shard *shard = &shards->shards[i];

        if (shard->calls < best->calls || shard->calls < shards->config.calls)
            best = shard;
        if (best->calls < shards->config.calls)
            break;
    }
    if (best->multi == NULL)
        shard_init(best, shards);
    return best;
}

/* ---- seats ---- */

void fetch_seat_init(struct fetch_seat *seat, CURL *easy, fetch_end_fn on_end)
{
    *seat = (struct fetch_seat){ .magic = SEAT_MAGIC, .easy = easy, .on_end = on_end };
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, seat);
}

void fetch_seat_take(struct fetch_seat *seat, struct fetch_shards *shards)
{
    CURLMcode failed;

    assert(seat->shard == NULL);
    seat->paused = false;
    seat->shard = choose(shards);
    seat->shard->calls++;
    failed = curl_multi_add_handle(seat->shard->multi, seat->easy);
    assert(failed == CURLM_OK);
}

void fetch_seat_leave(struct fetch_seat *seat)
{
    list_remove(&seat->link);
    (void)curl_multi_remove_handle(seat->shard->multi, seat->easy);
    seat->shard->calls--;
    seat->shard = NULL;
}

void fetch_seat_resume(struct fetch_seat *seat)
{
    if (!seat->paused || seat->shard == NULL || list_linked(&seat->link))
        return;
    list_append(&seat->shard->resumes, &seat->link);
    task_wake(&seat->shard->task);
}
