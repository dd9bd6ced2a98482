#include "record.h"

#include "base/json.h"
#include "base/mem.h"

#include <assert.h>

static const char *const state_names[] = {
    [RECORD_OPEN] = "open",
    [RECORD_COMPLETE] = "complete",
    [RECORD_CANCELLED] = "cancelled",
    [RECORD_BROKEN] = "broken",
};

static const struct {
    const char *name;
    size_t offset;
} figures[] = {
    { "connections_open", offsetof(struct stats, connections_open) },
    { "connections_total", offsetof(struct stats, connections_total) },
    { "requests", offsetof(struct stats, requests) },
    { "posts", offsetof(struct stats, posts) },
    { "in_flight", offsetof(struct stats, in_flight) },
    { "complete", offsetof(struct stats, complete) },
    { "cancelled", offsetof(struct stats, cancelled) },
    { "broken", offsetof(struct stats, broken) },
    { "tokens_sent", offsetof(struct stats, tokens_sent) },
    { "events_sent", offsetof(struct stats, events_sent) },
};

enum { FIGURE_COUNT = sizeof(figures) / sizeof(figures[0]) };

void journal_init(struct journal *journal)
{
    *journal = (struct journal){ .next = 1, .first = 1, .epoch = 1 };
}

static struct record **slot(struct journal *journal, uint64_t number)
{
    return &journal->ring[number % JOURNAL_RECORDS];
}

static size_t record_bytes(const struct record *record)
{
    return sizeof(*record) + record->fields_size + record->body_kept;
}

static void forget_first(struct journal *journal)
{
    struct record **place = slot(journal, journal->first++);
    struct record *record = *place;

    *place = NULL;
    journal->bytes -= record_bytes(record);
    mem_free(record->method);
    mem_free(record->target);
    mem_free(record->model);
    mem_free(record->fault);
    mem_free(record->fields);
    mem_free(record->body);
    mem_free(record);
}

void journal_reset(struct journal *journal)
{
    struct stats *stats = &journal->stats;

    while (journal->first < journal->next)
        forget_first(journal);
    *stats = (struct stats){
        .connections_open = stats->connections_open,
        .in_flight = stats->in_flight,
    };
    journal->epoch = journal->next;
    journal->changed = true;
}

void journal_done(struct journal *journal)
{
    journal_reset(journal);
}

static char *copy(struct span text)
{
    return mem_copy(text.at, text.size);
}

struct record *journal_open(struct journal *journal, const struct request *request)
{
    struct record *record = mem_zero(sizeof(*record));
    struct span fields = buf_span(&request->fields);
    struct span body = buf_span(&request->body);
    struct span kept = span_first(body, JOURNAL_BODY_BYTES);

    record->number = journal->next++;
    record->method = copy(buf_span(&request->method));
    record->target = copy(buf_span(&request->target));
    record->fields = copy(fields);
    record->fields_size = fields.size;
    record->body = copy(kept);
    record->body_kept = kept.size;
    record->body_bytes = body.size;
    journal->bytes += record_bytes(record);
    while (journal->next - journal->first > JOURNAL_RECORDS ||
           (journal->bytes > JOURNAL_BYTES_MAX && journal->first < record->number))
        forget_first(journal);
    *slot(journal, record->number) = record;
    journal->stats.requests++;
    journal->stats.posts += span_is(buf_span(&request->method), "POST");
    journal->stats.in_flight++;
    journal->changed = true;
    return record;
}

struct record *journal_find(const struct journal *journal, uint64_t number)
{
    if (number < journal->first || number >= journal->next)
        return NULL;
    return journal->ring[number % JOURNAL_RECORDS];
}

void journal_count(struct journal *journal, uint64_t number, uint32_t tokens)
{
    struct record *record = journal_find(journal, number);

    journal->stats.tokens_sent += tokens;
    journal->stats.events_sent++;
    if (!record)
        return;
    record->tokens += tokens;
    record->events++;
}

struct record *journal_settle(struct journal *journal, uint64_t number, enum record_state state,
                              uint64_t now_ns)
{
    struct stats *stats = &journal->stats;
    struct record *record = journal_find(journal, number);

    assert(state != RECORD_OPEN);
    assert(stats->in_flight > 0);
    stats->in_flight--;
    if (number >= journal->epoch) {
        stats->complete += state == RECORD_COMPLETE;
        stats->cancelled += state == RECORD_CANCELLED;
        stats->broken += state == RECORD_BROKEN;
    }
    journal->changed = true;
    if (!record)
        return NULL;
    assert(record->state == RECORD_OPEN);
    record->state = state;
    record->ended_ns = now_ns;
    if (state == RECORD_CANCELLED)
        record->closed_ns = now_ns;
    return record;
}

static struct span fields_of(const struct record *record)
{
    return span_make(record->fields, record->fields_size);
}

/* {"name": "value"}, names in lower case; of a repeated header the last value. */
static void write_headers(struct json_writer *w, const struct record *record)
{
    struct span rest = fields_of(record);
    struct span name;
    struct span value;

    json_begin(w, '{');
    while (request_next_field(&rest, &name, &value)) {
        char *lower = copy(name);

        for (size_t i = 0; i < name.size; i++)
            if (lower[i] >= 'A' && lower[i] <= 'Z')
                lower[i] = (char)(lower[i] + ('a' - 'A'));
        json_put_string(w, lower, value);
        mem_free(lower);
    }
    json_end(w, '}');
}

/* [["Name", "value"], ...] as they came. */
static void write_raw_headers(struct json_writer *w, const struct record *record)
{
    struct span rest = fields_of(record);
    struct span name;
    struct span value;

    json_begin(w, '[');
    while (request_next_field(&rest, &name, &value)) {
        json_begin(w, '[');
        json_string(w, name);
        json_string(w, value);
        json_end(w, ']');
    }
    json_end(w, ']');
}

static void write_numbers(struct json_writer *w, const struct record *record)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        { "seq", record->number },
        { "time_ms", record->time_ms },
        { "received_ns", record->received_ns },
        { "ended_ns", record->ended_ns },
        { "closed_ns", record->closed_ns },
        { "connection", record->connection },
        { "status", record->status },
        { "tokens", record->tokens },
        { "events", record->events },
        { "body_bytes", record->body_bytes },
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        json_put_u64(w, numbers[i].name, numbers[i].value);
    }
}

void record_write(const struct record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    write_numbers(&w, record);
    json_put_text(&w, "state", state_names[record->state]);
    json_put_bool(&w, "reused", record->reused);
    json_put_bool(&w, "stream", record->stream);
    json_put_text(&w, "method", record->method);
    json_put_text(&w, "path", record->target);
    json_put_text(&w, "model", record->model);
    json_put_text(&w, "fault", record->fault);
    json_key(&w, "headers");
    write_headers(&w, record);
    json_key(&w, "raw_headers");
    write_raw_headers(&w, record);
    json_put_string(&w, "body", span_make(record->body, record->body_kept));
    json_end(&w, '}');
}

void journal_write(const struct journal *journal, uint64_t since, struct buf *out)
{
    uint64_t number = since > journal->first ? since : journal->first;
    bool comma = false;

    buf_add_byte(out, '[');
    for (; number < journal->next; number++) {
        const struct record *record = journal_find(journal, number);

        assert(record);
        if (comma)
            buf_add_text(out, ",\n");
        record_write(record, out);
        comma = true;
    }
    buf_add_byte(out, ']');
}

static const uint64_t *figure(const struct stats *stats, size_t i)
{
    return (const uint64_t *)(const void *)((const char *)stats + figures[i].offset);
}

const uint64_t *stats_find(const struct stats *stats, struct span name)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        if (span_is(name, figures[i].name))
            return figure(stats, i);
    return NULL;
}

void stats_write(const struct journal *journal, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        json_put_u64(&w, figures[i].name, *figure(&journal->stats, i));
    }
    json_key(&w, "cancelled_ns");
    json_begin(&w, '[');
    for (uint64_t number = journal->first; number < journal->next; number++) {
        const struct record *record = journal_find(journal, number);

        if (record && record->state == RECORD_CANCELLED)
            json_u64(&w, record->closed_ns);
    }
    json_end(&w, ']');
    json_end(&w, '}');
}
