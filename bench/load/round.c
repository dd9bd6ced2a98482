/*  closed loop:  the ramp lets the clients in; one that is free starts the next request at once
 *  open loop:    pacer -> due? -> a free client, or a new one, or it waits its turn
 *
 * A round begins when the connections are open, if that is wanted. It is over when nothing more is to start and every client is free. Then all connections
 * close, and the loop ends by itself. */
#include "round.h"

#include "../clock/dues.h"
#include "base/mem.h"
#include "client.h"
#include "pacer.h"
#include "process.h"
#include "request.h"

#include <assert.h>

enum {
    TICK_MS = 100,
    TICK_FINE_MS = 5,
    CONNECT_MS_MAX = 10000,
    REQUEST_BYTES_MAX = 256 * 1024 * 1024,
    MS_NS = 1000000,
};

struct round {
    const struct round_order *order;
    struct tally *tally;
    uv_loop_t loop;
    uv_timer_t tick;
    struct dues dues;
    struct due next; /* request of an open loop, client of a closed one */
    struct client_rule *rule;
    struct buf request;
    struct client *clients; /* the first `client_count` have been used */
    uint64_t client_count;
    struct list free;    /* can start */
    struct list resting; /* were not let in; the next tick frees them */
    struct list busy;
    struct pacer pacer;    /* of an open loop */
    uint64_t let_in;       /* clients, by the ramp of a closed one */
    uint64_t random;       /* the dice of the ramp; not 0 */
    uint64_t started;      /* requests */
    uint64_t connected_ns; /* when the connections have had time enough to open */
    uint64_t looked_ns;    /* at the processes, for the last time */
    struct counter counter;
    bool begun;
    bool over;
};

static bool may_start(const struct round *round, uint64_t now_ns)
{
    const struct round_order *order = round->order;

    if (order->requests && round->started >= order->requests)
        return false;
    return !order->round_ms || now_ns < round->tally->begin_ns + order->round_ms * MS_NS;
}

static void start(struct round *round, struct client *client, uint64_t due_ns)
{
    round->started++;
    series_start(&round->tally->series, due_ns);
    list_remove(&client->at);
    list_append(&round->busy, &client->at);
    client_start(client, due_ns);
}

/* A client that can start; NULL when all that there may be are busy. */
static struct client *find_client(struct round *round)
{
    struct client *client;

    if (!list_empty(&round->free))
        return LIST_OWNER(round->free.next, struct client, at);
    if (round->client_count == round->order->options->connections)
        return NULL;
    client = &round->clients[round->client_count++];
    client_init(client, round->rule);
    list_append(&round->free, &client->at);
    return client;
}

static bool is_open_loop(const struct round *round)
{
    return round->order->options->rate_milli > 0;
}

static void end_when_done(struct round *round, uint64_t now_ns)
{
    if (round->over || !list_empty(&round->busy) || may_start(round, now_ns))
        return;
    round->over = true;
    round->tally->end_ns = now_ns;
    process_end(round->order->target, &round->tally->usage, &round->counter);
    uv_close((uv_handle_t *)&round->tick, NULL);
    dues_close(&round->dues);
    for (uint64_t i = 0; i < round->client_count; i++)
        client_close(&round->clients[i]);
    round->tally->connections_peak = round->client_count;
}

/* ---- open loop ---- */

/* Starts what is due. What finds no client stays due, and its time counts. */
static void start_due(struct round *round)
{
    uint64_t now_ns = uv_hrtime();

    while (round->pacer.due_ns <= now_ns && may_start(round, round->pacer.due_ns)) {
        struct client *client = find_client(round);
        uint64_t due_ns;

        if (!client)
            return;
        due_ns = pacer_take(&round->pacer);
        histogram_record(&round->tally->lag, now_ns - due_ns);
        start(round, client, due_ns);
    }
    if (may_start(round, round->pacer.due_ns))
        dues_set(&round->dues, &round->next, round->pacer.due_ns);
}

/* ---- closed loop ---- */

/* When the ramp lets the next client in: each at random in a share of its own. Evenly they would come in
 * step with the pace of the streams that they ask for. */
static uint64_t ramp_ns(struct round *round)
{
    const struct options *options = round->order->options;
    double share = (double)options->ramp_ms * MS_NS / (double)options->connections;

    round->random ^= round->random << 13;
    round->random ^= round->random >> 7;
    round->random ^= round->random << 17;
    return round->tally->begin_ns +
           (uint64_t)(share * ((double)round->let_in +
                               (double)(round->random >> 11) / (double)(UINT64_C(1) << 53)));
}

static void let_in(struct round *round)
{
    uint64_t now_ns = uv_hrtime();

    while (round->let_in < round->order->options->connections && may_start(round, now_ns)) {
        if (round->next.at_ns > now_ns) {
            dues_set(&round->dues, &round->next, round->next.at_ns);
            return;
        }
        round->let_in++;
        round->next.at_ns = ramp_ns(round);
        start(round, find_client(round), uv_hrtime());
    }
}

static void wake_resting(struct round *round, uint64_t now_ns)
{
    struct list woken;

    list_init(&woken);
    list_move_all(&woken, &round->resting);
    while (!list_empty(&woken)) {
        struct list *link = list_take_first(&woken);
        struct client *client = LIST_OWNER(link, struct client, at);

        list_append(&round->free, &client->at);
        if (!is_open_loop(round) && may_start(round, now_ns))
            start(round, client, uv_hrtime());
    }
}

/* A client that could not connect rests until the next tick, so that a dead server does not
 * turn the round into a race. */
static void on_free(struct client *client)
{
    struct round *round = client->rule->owner;
    uint64_t now_ns = uv_hrtime();

    list_remove(&client->at);
    if (client->last == OUTCOME_UNANSWERED && client->sent_ns == 0) {
        list_append(&round->resting, &client->at);
    } else {
        list_append(&round->free, &client->at);
        if (is_open_loop(round))
            start_due(round);
        else if (may_start(round, now_ns))
            start(round, client, now_ns);
    }
    end_when_done(round, now_ns);
}

/* ---- the begin ---- */

static void on_next(struct due *next)
{
    struct round *round = LIST_OWNER(next, struct round, next);

    if (is_open_loop(round))
        start_due(round);
    else
        let_in(round);
}

static void begin(struct round *round)
{
    const struct options *options = round->order->options;
    struct tally *tally = round->tally;

    round->begun = true;
    process_begin(round->order->target, &tally->usage, &round->counter);
    tally->begin_ns = uv_hrtime();
    series_init(&tally->series, tally->begin_ns, options->slot_ms * MS_NS);
    if (is_open_loop(round))
        pacer_init(&round->pacer, tally->begin_ns, options->rate_milli, options->poisson);
    else
        round->next.at_ns = ramp_ns(round);
    on_next(&round->next);
}

static void connect_all(struct round *round)
{
    round->connected_ns = uv_hrtime() + CONNECT_MS_MAX * (uint64_t)MS_NS;
    while (round->client_count < round->order->options->connections) {
        struct client *client = &round->clients[round->client_count++];

        client_init(client, round->rule);
        list_append(&round->free, &client->at);
        client_connect(client);
    }
}

/* Whoever is not connected by then tries again with its first request. */
static void begin_when_connected(struct round *round, uint64_t now_ns)
{
    for (uint64_t i = 0; i < round->client_count && now_ns < round->connected_ns; i++)
        if (client_connecting(&round->clients[i]))
            return;
    begin(round);
}

/* ---- the tick ---- */

static void print_progress(const struct round *round, uint64_t now_ns)
{
    const struct tally *tally = round->tally;
    uint64_t since_ms = (now_ns - tally->begin_ns) / MS_NS;

    (void)fprintf(
        stderr, "\r%s: %llu.%llu s, %llu done, %llu failed, %llu events, p99 %llu us\033[K",
        round->order->title, (unsigned long long)(since_ms / 1000),
        (unsigned long long)(since_ms / 100 % 10), (unsigned long long)tally_requests(tally),
        (unsigned long long)tally_failed(tally), (unsigned long long)tally->events,
        (unsigned long long)(histogram_at(&tally->whole, 990) / 1000));
}

static void look_at_clients(struct round *round, uint64_t now_ns)
{
    struct list *after;

    for (struct list *link = round->busy.next; link != &round->busy; link = after) {
        after = link->next;
        client_look(LIST_OWNER(link, struct client, at), now_ns);
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct round *round = tick->data;
    uint64_t now_ns = uv_hrtime();

    if (!round->begun) {
        begin_when_connected(round, now_ns);
        return;
    }
    if (now_ns - round->looked_ns >= TICK_MS * MS_NS) {
        round->looked_ns = now_ns;
        process_look(round->order->target, &round->tally->usage);
    }
    look_at_clients(round, now_ns);
    wake_resting(round, now_ns);
    if (round->order->title)
        print_progress(round, now_ns);
    end_when_done(round, now_ns);
}

/* ---- all of it ---- */

static bool make_request(struct round *round)
{
    const struct options *options = round->order->options;
    struct buf body;
    bool made;

    buf_init(&body, REQUEST_BYTES_MAX);
    buf_init(&round->request, REQUEST_BYTES_MAX);
    made = request_write_body(options, 0, &body);
    request_write(options, round->order->target, buf_span(&body), &round->request);
    buf_done(&body);
    return made && !round->request.overflowed;
}

static void open_round(struct round *round)
{
    const struct round_order *order = round->order;
    const struct options *options = order->options;
    bool fine = options->leave || options->connect_first || options->read_rate;
    uint64_t tick_ms = fine ? TICK_FINE_MS : TICK_MS;
    int err = uv_loop_init(&round->loop);

    assert(err == 0);
    list_init(&round->free);
    list_init(&round->resting);
    list_init(&round->busy);
    round->clients = mem_alloc(options->connections * sizeof(round->clients[0]));
    round->rule = mem_zero(sizeof(*round->rule));
    round->rule->loop = &round->loop;
    round->rule->dues = &round->dues;
    round->rule->options = options;
    round->rule->target = order->target;
    round->rule->tally = round->tally;
    round->rule->request = buf_span(&round->request);
    round->rule->closes = order->closes;
    round->rule->seal_rule = order->target->tls ? seal_rule_new() : NULL;
    buf_init(&round->rule->clear, REQUEST_BYTES_MAX);
    round->rule->random = 88172645463325252;
    round->random = 88172645463325252;
    round->rule->on_free = on_free;
    round->rule->owner = round;
    dues_init(&round->dues, &round->loop);
    round->next.on_due = on_next;
    uv_timer_init(&round->loop, &round->tick);
    round->tick.data = round;
    uv_timer_start(&round->tick, on_tick, tick_ms, tick_ms);
}

static void close_round(struct round *round)
{
    int err;

    for (uint64_t i = 0; i < round->client_count; i++)
        client_done(&round->clients[i]);
    dues_done(&round->dues);
    mem_free(round->clients);
    seal_rule_free(round->rule->seal_rule);
    buf_done(&round->rule->clear);
    mem_free(round->rule);
    buf_done(&round->request);
    err = uv_loop_close(&round->loop);
    assert(err == 0);
}

bool round_run(const struct round_order *order, struct tally *tally)
{
    struct round round = { .order = order, .tally = tally };

    if (!make_request(&round)) {
        buf_done(&round.request);
        return false;
    }
    open_round(&round);
    if (order->options->connect_first)
        connect_all(&round);
    else
        begin(&round);
    uv_run(&round.loop, UV_RUN_DEFAULT);
    close_round(&round);
    if (order->title)
        (void)fprintf(stderr, "\r\033[K");
    return true;
}
