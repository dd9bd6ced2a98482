#include "events.h"

#include "base/json.h"

enum { LINE_BYTES_MAX = 1024 * 1024 };

void events_init(struct events *events)
{
    *events = (struct events){ 0 };
    buf_init(&events->line, LINE_BYTES_MAX);
}

void events_done(struct events *events)
{
    buf_done(&events->line);
}

void events_reset(struct events *events, uint64_t expected, uint64_t started_ns,
                  struct tally *tally)
{
    struct buf line = events->line;

    buf_reset(&line);
    *events = (struct events){
        .line = line,
        .expected = expected,
        .started_ns = started_ns,
        .tally = tally,
    };
}

static void complain(struct events *events, const char *what)
{
    if (events->wrong)
        return;
    events->wrong = what;
    events->wrong_at = events->tokens;
}

/* The number at the end of sluice-mock's token " tok17" or, filled up, " tok17...". */
static bool token_number(struct span token, uint64_t *ret)
{
    size_t end = token.size;
    size_t at;

    while (end > 0 && token.at[end - 1] == '.')
        end--;
    at = end;
    while (at > 0 && token.at[at - 1] >= '0' && token.at[at - 1] <= '9')
        at--;
    return span_u64(span_make(token.at + at, end - at), ret);
}

static void check_number(struct events *events, struct span token)
{
    uint64_t number;

    if (!token_number(token, &number))
        complain(events, "a token without a number");
    else if (number > events->tokens)
        complain(events, "a token is missing or came too early");
    else if (number < events->tokens)
        complain(events, "a token came twice or too late");
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* What the way took, without the time that the provider itself did. A pace of 10 ms is far coarser
 * in a histogram than what a gateway adds to it. */
static void take_stamped_token(struct events *events)
{
    struct tally *tally = events->tally;
    uint64_t here_ns;
    uint64_t there_ns;

    if (events->stamp_ns <= events->now_ns)
        histogram_record(&tally->delay, events->now_ns - events->stamp_ns);
    if (events->tokens == 0 && events->asked_ns) {
        here_ns = events->now_ns - events->started_ns;
        there_ns = above(events->stamp_ns, events->asked_ns);
        histogram_record(&tally->ttft_way, above(here_ns, there_ns));
    } else if (events->tokens && events->token_stamp_ns) {
        here_ns = events->now_ns - events->last_ns;
        there_ns = above(events->stamp_ns, events->token_stamp_ns);
        histogram_record(&tally->gap_way, above(here_ns, there_ns));
    }
    events->token_stamp_ns = events->stamp_ns;
}

/* Its delay counts, that of other events does not: a gateway may hold back a role without
 * content until it is sure of its provider. */
static void take_token(struct events *events, struct span token, bool stamped)
{
    if (events->expected)
        check_number(events, token);
    if (stamped)
        take_stamped_token(events);
    if (events->tokens++ == 0)
        histogram_record(&events->tally->ttft, events->now_ns - events->started_ns);
    else
        histogram_record(&events->tally->gap, events->now_ns - events->last_ns);
    events->last_ns = events->now_ns;
    events->tally->tokens++;
}

static void take_stamp(struct events *events, uint64_t sent_ns)
{
    if (sent_ns < events->stamp_ns)
        complain(events, "an event came before one that was sent earlier");
    events->stamp_ns = sent_ns;
}

static void take_json(struct events *events, const struct json *event)
{
    const struct json *choice = json_item(json_member(event, "choices"), 0);
    const struct json *delta = json_member(choice, "delta");
    uint64_t sent_ns;
    bool stamped = json_read_u64(json_member(event, "sent_ns"), &sent_ns);
    struct span text;

    events->tally->events++;
    (void)json_read_u64(json_member(event, "asked_ns"), &events->asked_ns);
    if (json_kind(json_member(event, "error")) == JSON_OBJECT)
        events->error = true;
    if (stamped)
        take_stamp(events, sent_ns);
    if (json_read_string(json_member(delta, "content"), &text) && text.size)
        take_token(events, text, stamped);
    if (json_kind(json_member(choice, "finish_reason")) == JSON_STRING)
        events->finished = true;
}

static void take_data(struct events *events, struct span data)
{
    struct json_doc *doc;

    if (events->done)
        complain(events, "an event behind [DONE]");
    if (events->data_seen)
        complain(events, "two data lines in one event");
    events->data_seen = true;
    if (span_is(data, "[DONE]")) {
        events->done = true;
        return;
    }
    if (json_parse(data, &doc)) {
        complain(events, "an event that is not one JSON value");
        return;
    }
    take_json(events, json_root(doc));
    json_free(doc);
}

static void take_line(struct events *events, struct span line)
{
    if (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    if (!line.size)
        events->data_seen = false;
    else if (span_starts(line, "data:"))
        take_data(events, span_trim(span_skip(line, 5)));
}

void events_feed(struct events *events, struct span bytes, uint64_t now_ns)
{
    events->now_ns = now_ns;
    for (;;) {
        size_t end = span_find(bytes, '\n');
        struct span line = span_first(bytes, end);

        if (end == SIZE_MAX)
            break;
        bytes = span_skip(bytes, end + 1);
        if (buf_size(&events->line)) {
            buf_add(&events->line, line);
            line = buf_span(&events->line);
        }
        take_line(events, line);
        buf_reset(&events->line);
    }
    buf_add(&events->line, bytes);
    if (events->line.overflowed)
        complain(events, "a line that is longer than a megabyte");
}

enum outcome events_judge(const struct events *events, const char **ret_why)
{
    *ret_why = events->wrong;
    if (events->wrong)
        return OUTCOME_WRONG;
    *ret_why = "an error event";
    if (events->error)
        return OUTCOME_BROKEN;
    *ret_why = "no [DONE] at the end";
    if (!events->done)
        return OUTCOME_BROKEN;
    *ret_why = "no finish reason";
    if (!events->finished)
        return OUTCOME_WRONG;
    *ret_why = "bytes behind the last event";
    if (events->data_seen || buf_size(&events->line))
        return OUTCOME_WRONG;
    *ret_why = "fewer or more tokens than expected";
    if (events->expected && events->tokens != events->expected)
        return OUTCOME_WRONG;
    *ret_why = "";
    return OUTCOME_OK;
}
