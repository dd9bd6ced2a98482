#include "client.h"

#include "request.h"

#include <assert.h>
#include <string.h>

enum {
    REQUEST_BYTES_MAX = 256 * 1024 * 1024,
    SEALED_BYTES_MAX = 300 * 1024 * 1024,
    MS_NS = 1000000,
    LEAVE_AT_TOKEN = 3,
    SLOW_READ_BYTES = 4096,
    PIECE_BYTES_MAX = 64 * 1024,
    PIECES_PER_SECOND = 200, /* when they are smaller than that */
};

static void open_link(struct client *client);
static void begin(struct client *client);
static void on_piece_due(struct due *due);

void client_init(struct client *client, struct client_rule *rule)
{
    memset(client, 0, sizeof(*client));
    client->rule = rule;
    client->tcp.data = client;
    client->piece.on_due = on_piece_due;
    answer_init(&client->answer);
    buf_init(&client->marked, REQUEST_BYTES_MAX);
    buf_init(&client->sealed, SEALED_BYTES_MAX);
}

void client_done(struct client *client)
{
    assert(client->link == LINK_NONE);
    answer_done(&client->answer);
    buf_done(&client->marked);
    buf_done(&client->sealed);
}

/* ---- the end of a request ---- */

static void record_times(struct client *client, enum outcome outcome)
{
    struct tally *tally = client->rule->tally;

    uint64_t took_ns = client->answer.now_ns - client->due_ns;

    if (outcome == OUTCOME_OK) {
        histogram_record(&tally->first, client->first_ns - client->due_ns);
        histogram_record(&tally->whole, took_ns);
    }
    if (outcome == OUTCOME_REFUSED)
        histogram_record(&tally->refused, took_ns);
}

static void finish(struct client *client, enum outcome outcome, const char *why)
{
    struct tally *tally = client->rule->tally;
    uint64_t now_ns = uv_hrtime();

    record_times(client, outcome);
    tally_count(tally, outcome, why);
    series_end(&tally->series, outcome == OUTCOME_OK, now_ns - client->due_ns, now_ns);
    client->state = CLIENT_FREE;
    client->last = outcome;
    client->giving_up = OUTCOME_OK;
    client->rule->on_free(client);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    client->link = LINK_NONE;
    seal_free(client->seal);
    client->seal = NULL;
    if (client->giving_up != OUTCOME_OK)
        finish(client, client->giving_up, client->why);
    else if (client->state == CLIENT_WAITING)
        open_link(client);
}

static void stop_sending(struct client *client)
{
    dues_drop(client->rule->dues, &client->piece);
    client->unsent = span_make(NULL, 0);
}

static void close_link(struct client *client)
{
    if (client->link == LINK_NONE || client->link == LINK_CLOSING)
        return;
    client->link = LINK_CLOSING;
    stop_sending(client);
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}

void client_close(struct client *client)
{
    assert(client->state == CLIENT_FREE);
    close_link(client);
}

/* As a process that is killed with bytes unread does. */
static void reset_link(struct client *client)
{
    stop_sending(client);
    if (client->link == LINK_OPEN && uv_tcp_close_reset(&client->tcp, on_closed) == 0)
        client->link = LINK_CLOSING;
    else
        close_link(client);
}

/* Ends the request, if there is one yet, without its answer: the connection closes first, so that the
 * owner's next start finds it gone. */
static void give_up(struct client *client, enum outcome outcome, const char *why)
{
    if (client->giving_up != OUTCOME_OK)
        return;
    if (client->state != CLIENT_FREE) {
        client->giving_up = outcome;
        client->why = why;
    }
    close_link(client);
}

/* The same dice in every run, so that runs compare. */
static uint64_t roll(struct client_rule *rule)
{
    rule->random ^= rule->random << 13;
    rule->random ^= rule->random >> 7;
    rule->random ^= rule->random << 17;
    return rule->random >> 11;
}

static void leave(struct client *client, uint64_t now_ns)
{
    FILE *closes = client->rule->closes;

    if (closes)
        (void)fprintf(closes, "{\"user\":\"load-%llu\",\"closed_ns\":%llu}\n",
                      (unsigned long long)client->mark, (unsigned long long)now_ns);
    if (client->rule->options->leave == LEAVE_RANDOM && roll(client->rule) % 2)
        reset_link(client);
    give_up(client, OUTCOME_LEFT, "");
}

static bool leaves_now(const struct client *client, uint64_t now_ns)
{
    const struct options *options = client->rule->options;

    switch (options->leave) {
    case LEAVE_NOT:
    case LEAVE_STREAM: return false;
    case LEAVE_HEADERS:
    case LEAVE_WAIT:
        return client->sent_ns && now_ns - client->sent_ns >= options->hold_ms * MS_NS;
    case LEAVE_RANDOM: return now_ns >= client->leave_ns;
    }
    return false;
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct client *client = handle->data;

    (void)suggested;
    *ret = uv_buf_init(client->rule->input,
                       client->rule->options->read_rate ? SLOW_READ_BYTES : CLIENT_INPUT_BYTES);
}

static void end_answer(struct client *client)
{
    const char *why;
    enum outcome outcome = answer_judge(&client->answer, &why);
    bool reuse = client->answer.complete && client->answer.keep_alive &&
                 !client->answer.malformed && !client->unsent.size &&
                 !client->rule->options->connection_per_request;

    if (!reuse)
        close_link(client);
    finish(client, outcome, why);
}

static void take(struct client *client, struct span bytes)
{
    uint64_t now_ns = uv_hrtime();
    struct answer *answer = &client->answer;

    if (client->state == CLIENT_WAITING) {
        client->state = CLIENT_ANSWERED;
        client->first_ns = now_ns;
    }
    answer_feed(answer, bytes, now_ns);
    if (answer->complete || answer->malformed)
        end_answer(client);
    else if (client->rule->options->leave == LEAVE_STREAM &&
             answer->events.tokens >= LEAVE_AT_TOKEN)
        leave(client, uv_hrtime());
}

static void rest_after(struct client *client, uint64_t size)
{
    uint64_t rate = client->rule->options->read_rate;

    if (!rate)
        return;
    client->read_ns = uv_hrtime() + size * 1000 * MS_NS / rate;
    (void)uv_read_stop((uv_stream_t *)&client->tcp);
}

/* What a handshake sends is small and goes at once. */
static bool send_now(struct client *client, struct span bytes)
{
    uv_buf_t buf = { .base = (char *)(uintptr_t)bytes.at, .len = bytes.size };

    return uv_try_write((uv_stream_t *)&client->tcp, &buf, 1) == (int)bytes.size;
}

/* An answer, the end of one, or something that nobody asked for. */
static void take_clear(struct client *client, struct span bytes)
{
    if (client->state == CLIENT_FREE)
        close_link(client);
    else
        take(client, bytes);
}

static void take_end(struct client *client, bool in_order)
{
    if (client->state == CLIENT_FREE) {
        close_link(client);
        return;
    }
    if (in_order)
        answer_close(&client->answer, uv_hrtime());
    end_answer(client);
}

static void take_sealed(struct client *client, struct span cipher)
{
    struct buf *clear = &client->rule->clear;
    enum seal_state state;
    struct buf out;

    buf_init(&out, SEALED_BYTES_MAX);
    buf_reset(clear);
    state = seal_read(client->seal, cipher, clear, &out);
    if (buf_size(&out) && !send_now(client, buf_span(&out)))
        state = SEAL_FAILED;
    buf_done(&out);
    if (client->link == LINK_GREETING && state == SEAL_OPEN)
        begin(client);
    if (buf_size(clear))
        take_clear(client, buf_span(clear));
    if (client->link == LINK_CLOSING || state == SEAL_GREETING || state == SEAL_OPEN)
        return;
    if (client->link == LINK_GREETING)
        give_up(client, OUTCOME_UNANSWERED, "the TLS handshake failed");
    else
        take_end(client, state == SEAL_CLOSED);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    if (size == 0 || client->link == LINK_CLOSING)
        return;
    if (size < 0 && client->link == LINK_GREETING) {
        give_up(client, OUTCOME_UNANSWERED, "closed in the TLS handshake");
        return;
    }
    if (size < 0) {
        take_end(client, size == UV_EOF);
        return;
    }
    rest_after(client, (uint64_t)size);
    if (client->seal)
        take_sealed(client, span_make(buf->base, (size_t)size));
    else
        take_clear(client, span_make(buf->base, (size_t)size));
}

/* A slow reader takes a little and then waits as long as its rate says. */
static void read_on(struct client *client)
{
    client->read_ns = 0;
    (void)uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

void client_look(struct client *client, uint64_t now_ns)
{
    const struct options *options = client->rule->options;

    if (client->state == CLIENT_FREE)
        return;
    if (now_ns - client->started_ns > options->timeout_ms * MS_NS)
        give_up(client, OUTCOME_TIMEOUT, "took too long");
    else if (leaves_now(client, now_ns))
        leave(client, uv_hrtime());
    else if (client->read_ns && now_ns >= client->read_ns)
        read_on(client);
}

/* ---- sending ---- */

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;

    if (status == UV_ECANCELED)
        return;
    client->sent_ns = uv_hrtime();
    if (status)
        give_up(client, OUTCOME_UNANSWERED, uv_strerror(status));
}

static struct span mark_request(struct client *client)
{
    struct client_rule *rule = client->rule;
    struct buf body;

    client->mark = ++rule->marks;
    buf_init(&body, REQUEST_BYTES_MAX);
    buf_reset(&client->marked);
    (void)request_write_body(rule->options, client->mark, &body);
    request_write(rule->options, rule->target, buf_span(&body), &client->marked);
    buf_done(&body);
    return buf_span(&client->marked);
}

/* Gives the request sealed, if that is wanted; nothing when it cannot be. */
static struct span seal_request(struct client *client, struct span request)
{
    if (!client->seal)
        return request;
    buf_reset(&client->sealed);
    if (!seal_write(client->seal, request, &client->sealed))
        return span_make(NULL, 0);
    return buf_span(&client->sealed);
}

/* The next piece, as large as its part of a second; what the kernel does not take goes with the one after it. */
static void send_piece(struct client *client)
{
    uint64_t rate = client->rule->options->write_rate;
    uint64_t size = rate / PIECES_PER_SECOND + 1;
    struct span piece =
        span_first(client->unsent, size < PIECE_BYTES_MAX ? size : PIECE_BYTES_MAX);
    uv_buf_t buf = { .base = (char *)(uintptr_t)piece.at, .len = piece.size };
    int sent = uv_try_write((uv_stream_t *)&client->tcp, &buf, 1);
    uint64_t now_ns = uv_hrtime();
    uint64_t next_ns = client->piece.at_ns + piece.size * 1000 * MS_NS / rate;

    if (sent < 0 && sent != UV_EAGAIN) {
        give_up(client, OUTCOME_UNANSWERED, uv_strerror(sent));
        return;
    }
    client->unsent = span_skip(client->unsent, sent > 0 ? (size_t)sent : 0);
    if (client->unsent.size)
        dues_set(client->rule->dues, &client->piece, next_ns > now_ns ? next_ns : now_ns);
    else
        client->sent_ns = now_ns;
}

static void on_piece_due(struct due *due)
{
    send_piece(LIST_OWNER(due, struct client, piece));
}

static void send_at_once(struct client *client, struct span request)
{
    uv_stream_t *stream = (uv_stream_t *)&client->tcp;
    /* uv_buf_t is not const, but libuv only reads what it sends. */
    uv_buf_t buf = { .base = (char *)(uintptr_t)request.at, .len = request.size };
    int sent = request.size ? uv_try_write(stream, &buf, 1) : UV_EPROTO;

    if (sent < 0 && sent != UV_EAGAIN) {
        give_up(client, OUTCOME_UNANSWERED, uv_strerror(sent));
        return;
    }
    if (sent > 0) {
        buf.base += sent;
        buf.len -= (size_t)sent;
    }
    if (buf.len == 0) {
        client->sent_ns = uv_hrtime();
        return;
    }
    client->write.data = client;
    if (uv_write(&client->write, stream, &buf, 1, on_written))
        give_up(client, OUTCOME_UNANSWERED, "cannot write");
}

static void send_request(struct client *client)
{
    const struct options *options = client->rule->options;
    struct span clear = options->leave ? mark_request(client) : client->rule->request;
    struct span request = seal_request(client, clear);

    if (!options->write_rate || !request.size) {
        send_at_once(client, request);
        return;
    }
    client->unsent = request;
    client->piece.at_ns = uv_hrtime();
    send_piece(client);
}

/* The connection is ready. */
static void begin(struct client *client)
{
    client->link = LINK_OPEN;
    client->rule->tally->connects++;
    if (client->state == CLIENT_WAITING)
        send_request(client);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct client *client = connect->data;

    if (client->link != LINK_CONNECTING)
        return;
    if (status) {
        give_up(client, OUTCOME_UNANSWERED, uv_strerror(status));
        return;
    }
    (void)uv_tcp_nodelay(&client->tcp, 1);
    (void)uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
    if (!client->rule->seal_rule) {
        begin(client);
        return;
    }
    client->link = LINK_GREETING;
    client->seal = seal_new(client->rule->seal_rule);
    take_sealed(client, span_make(NULL, 0));
}

/* A slow reader is no use while the kernel reads on for it. */
static void narrow(struct client *client)
{
    int size = SLOW_READ_BYTES;

    if (client->rule->options->read_rate)
        (void)uv_recv_buffer_size((uv_handle_t *)&client->tcp, &size);
}

static void open_link(struct client *client)
{
    unsigned family = client->rule->target->address.ss_family;
    int err = uv_tcp_init_ex(client->rule->loop, &client->tcp, family);

    assert(err == 0);
    narrow(client);
    client->link = LINK_CONNECTING;
    client->read_ns = 0;
    client->connect.data = client;
    err = uv_tcp_connect(&client->connect, &client->tcp,
                         (const struct sockaddr *)&client->rule->target->address, on_connected);
    if (err)
        give_up(client, OUTCOME_UNANSWERED, uv_strerror(err));
}

void client_connect(struct client *client)
{
    assert(client->state == CLIENT_FREE);
    if (client->link == LINK_NONE)
        open_link(client);
}

bool client_connecting(const struct client *client)
{
    return client->link == LINK_CONNECTING || client->link == LINK_GREETING;
}

void client_start(struct client *client, uint64_t due_ns)
{
    const struct options *options = client->rule->options;

    assert(client->state == CLIENT_FREE);
    client->state = CLIENT_WAITING;
    client->due_ns = due_ns;
    client->started_ns = uv_hrtime();
    client->sent_ns = 0;
    if (options->leave == LEAVE_RANDOM)
        client->leave_ns = client->started_ns + roll(client->rule) % (options->hold_ms * MS_NS);
    answer_reset(&client->answer, options->stream, options->tokens, due_ns,
                 client->rule->tally);
    if (client->link == LINK_NONE)
        open_link(client);
    else if (client->link == LINK_OPEN)
        send_request(client);
}
