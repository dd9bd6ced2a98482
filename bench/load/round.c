/*  closed loop:  a client that is free starts the next request at once
 *  open loop:    pacer -> timerfd -> due? -> a free client, or a new one, or it waits its turn
 *
 * A round is over when nothing more is to start and every client is free. Then all connections
 * close, and the loop ends by itself. */
#include "round.h"

#include "base/mem.h"
#include "client.h"
#include "pacer.h"
#include "process.h"
#include "request.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    TICK_MS = 100,
    TICK_FINE_MS = 5,
    REQUEST_BYTES_MAX = 256 * 1024 * 1024,
    MS_NS = 1000000,
    SECOND_NS = 1000000000,
};

struct round {
    const struct round_order *order;
    struct tally *tally;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_poll_t alarm; /* of the open loop's next request */
    int alarm_fd;    /* -1: closed loop */
    struct client_rule *rule;
    struct buf request;
    struct client *clients; /* the first `client_count` have been used */
    uint64_t client_count;
    struct list free;    /* can start */
    struct list resting; /* were not let in; the next tick frees them */
    struct list busy;
    struct pacer pacer;
    uint64_t started; /* requests */
    struct counter counter;
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

static void on_alarm_closed(uv_handle_t *alarm)
{
    struct round *round = alarm->data;

    (void)close(round->alarm_fd);
    round->alarm_fd = -1;
}

static void end_when_done(struct round *round, uint64_t now_ns)
{
    if (round->over || !list_empty(&round->busy) || may_start(round, now_ns))
        return;
    round->over = true;
    round->tally->end_ns = now_ns;
    process_end(round->order->target, &round->tally->usage, &round->counter);
    uv_close((uv_handle_t *)&round->tick, NULL);
    if (round->alarm_fd >= 0)
        uv_close((uv_handle_t *)&round->alarm, on_alarm_closed);
    for (uint64_t i = 0; i < round->client_count; i++)
        client_close(&round->clients[i]);
    round->tally->connections_peak = round->client_count;
}

/* ---- open loop ---- */

static void set_alarm(struct round *round)
{
    uint64_t due_ns = round->pacer.due_ns;
    struct itimerspec when = {
        .it_value = { (time_t)(due_ns / SECOND_NS), (long)(due_ns % SECOND_NS) },
    };

    (void)timerfd_settime(round->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

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
    set_alarm(round);
}

static void on_alarm(uv_poll_t *alarm, int status, int events)
{
    struct round *round = alarm->data;
    uint64_t times;

    (void)status;
    (void)events;
    if (read(round->alarm_fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        start_due(round);
}

/* ---- closed loop ---- */

/* How many clients the ramp has let in by now. */
static uint64_t wanted_clients(const struct round *round, uint64_t now_ns)
{
    const struct options *options = round->order->options;
    uint64_t since_ns = now_ns - round->tally->begin_ns;
    uint64_t wanted;

    if (!options->ramp_ms || since_ns >= options->ramp_ms * MS_NS)
        return options->connections;
    wanted = 1 + options->connections * (since_ns / MS_NS) / options->ramp_ms;
    return wanted < options->connections ? wanted : options->connections;
}

static void add_clients(struct round *round, uint64_t now_ns)
{
    while (round->client_count < wanted_clients(round, now_ns) && may_start(round, now_ns))
        start(round, find_client(round), uv_hrtime());
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
        if (round->alarm_fd < 0 && may_start(round, now_ns))
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
        if (round->alarm_fd >= 0)
            start_due(round);
        else if (may_start(round, now_ns))
            start(round, client, now_ns);
    }
    end_when_done(round, now_ns);
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

    process_look(round->order->target, &round->tally->usage);
    look_at_clients(round, now_ns);
    wake_resting(round, now_ns);
    if (round->alarm_fd < 0)
        add_clients(round, now_ns);
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
    bool fine = options->leave || options->ramp_ms || options->read_rate;
    uint64_t tick_ms = fine ? TICK_FINE_MS : TICK_MS;
    int err = uv_loop_init(&round->loop);

    assert(err == 0);
    list_init(&round->free);
    list_init(&round->resting);
    list_init(&round->busy);
    round->alarm_fd = -1;
    round->clients = mem_alloc(options->connections * sizeof(round->clients[0]));
    round->rule = mem_zero(sizeof(*round->rule));
    round->rule->loop = &round->loop;
    round->rule->options = options;
    round->rule->target = order->target;
    round->rule->tally = round->tally;
    round->rule->request = buf_span(&round->request);
    round->rule->closes = order->closes;
    round->rule->seal_rule = order->target->tls ? seal_rule_new() : NULL;
    buf_init(&round->rule->clear, REQUEST_BYTES_MAX);
    round->rule->random = 88172645463325252;
    round->rule->on_free = on_free;
    round->rule->owner = round;
    uv_timer_init(&round->loop, &round->tick);
    round->tick.data = round;
    uv_timer_start(&round->tick, on_tick, tick_ms, tick_ms);
}

static void open_pace(struct round *round)
{
    const struct options *options = round->order->options;

    pacer_init(&round->pacer, round->tally->begin_ns, options->rate_milli, options->poisson);
    round->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    assert(round->alarm_fd >= 0);
    uv_poll_init(&round->loop, &round->alarm, round->alarm_fd);
    round->alarm.data = round;
    uv_poll_start(&round->alarm, UV_READABLE, on_alarm);
    start_due(round);
}

static void close_round(struct round *round)
{
    int err;

    for (uint64_t i = 0; i < round->client_count; i++)
        client_done(&round->clients[i]);
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
    process_begin(order->target, &tally->usage, &round.counter);
    tally->begin_ns = uv_hrtime();
    series_init(&tally->series, tally->begin_ns, order->options->slot_ms * MS_NS);
    if (order->options->rate_milli)
        open_pace(&round);
    else
        add_clients(&round, tally->begin_ns);
    uv_run(&round.loop, UV_RUN_DEFAULT);
    close_round(&round);
    if (order->title)
        (void)fprintf(stderr, "\r\033[K");
    return true;
}
