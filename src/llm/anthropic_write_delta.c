/* An answer as it comes, as events of Anthropic's language:
 *
 *     message_start, ping, { block_start, block_delta*, block_stop }*, message_delta, message_stop
 *
 * One block is open at a time, while other languages may go on with a call after the next has begun. So
 * what is not of the open call waits until its arguments are whole JSON:
 *
 *     delta --of the open call, or none is open--> put() --> out
 *       +-----else--> keep() --> envelope --whole, or the end--> put()
 */
#include "llm/anthropic.h"

#include "base/limits.h"

#include <string.h>

static void add(struct buf *out, const char *text)
{
    (void)buf_add_text(out, text);
}

/* ---- the beginning ---- */

static void begin(struct delta_writer *writer, const struct delta *start, struct buf *out)
{
    struct usage usage = { .input = writer->input };

    if (writer->begun)
        return;
    writer->begun = true;
    add(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":");
    anthropic_write_id(start ? start->id : span_make(NULL, 0), writer->fallback_id, out);
    add(out, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
    if (start && start->name.size > 2)
        (void)buf_add(out, start->name);
    else
        json_quote(out, writer->model);
    add(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
    if (start && start->usage.known)
        usage = start->usage;
    anthropic_write_usage(&usage, out);
    add(out, "}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
}

/* ---- blocks ---- */

static void start_block(struct delta_writer *writer, struct buf *out)
{
    add(out, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
    (void)buf_add_u64(out, writer->blocks++);
    add(out, ",\"content_block\":{\"type\":\"");
}

static void write_delta(const struct delta_writer *writer, const char *before, struct span raw,
                        struct buf *out)
{
    add(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
    (void)buf_add_u64(out, writer->blocks - 1);
    add(out, ",\"delta\":{\"type\":\"");
    add(out, before);
    (void)buf_add(out, raw);
    add(out, "}}\n\n");
}

static void stop_block(const struct delta_writer *writer, struct buf *out)
{
    add(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
    (void)buf_add_u64(out, writer->blocks - 1);
    add(out, "}\n\n");
}

static void close_block(struct delta_writer *writer, struct buf *out)
{
    if (writer->open == DELTA_NOTHING)
        return;
    if (writer->open == DELTA_THINKING && !writer->signed_off) /* clients look for it */
        write_delta(writer, "signature_delta\",\"signature\":", SPAN_OF("\"\""), out);
    stop_block(writer, out);
    writer->open = DELTA_NOTHING;
}

/* Makes sure that such a block is open. */
static void open_block(struct delta_writer *writer, enum delta_kind kind, uint32_t index,
                       struct buf *out)
{
    if (writer->open == kind && writer->open_index == index)
        return;
    close_block(writer, out);
    start_block(writer, out);
    add(out, kind == DELTA_TEXT ? "text\",\"text\":\"\"}}\n\n"
                                : "thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
    writer->open = kind;
    writer->open_index = index;
    writer->signed_off = false;
}

static void write_redacted(struct delta_writer *writer, struct span raw, struct buf *out)
{
    close_block(writer, out);
    start_block(writer, out);
    add(out, "redacted_thinking\",\"data\":");
    (void)buf_add(out, raw);
    add(out, "}}\n\n");
    stop_block(writer, out);
}

/* ---- calls ---- */

static char hex_byte(struct span digits)
{
    unsigned value = 0;

    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.at[i];

        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return (char)(value < 0x80 ? value : 'x'); /* nothing beyond ASCII brackets or quotes */
}

/* What the escape at *at stands for, as far as it matters here. */
static char unescape(struct span raw, size_t *at)
{
    char c = raw.at[++*at];

    if (c == 'u' && *at + 4 < raw.size) {
        c = hex_byte(span_first(span_skip(raw, *at + 1), 4));
        *at += 4;
        return c;
    }
    return (char)(c == '"' || c == '\\' ? c : ' ');
}

static void follow_byte(struct arguments *arguments, char c)
{
    if (arguments->string) {
        if (!arguments->escaped && c == '"')
            arguments->string = false;
        arguments->escaped = !arguments->escaped && c == '\\';
    } else if (c == '"') {
        arguments->string = true;
    } else if (c == '{' || c == '[') {
        arguments->depth++;
        arguments->whole = false;
    } else if ((c == '}' || c == ']') && arguments->depth) {
        arguments->whole = --arguments->depth == 0;
    }
}

/* A fragment is a string that holds a piece of JSON. */
static void follow(struct arguments *arguments, struct span raw)
{
    for (size_t i = 1; i + 1 < raw.size; i++) {
        char c = (char)(raw.at[i] == '\\' ? unescape(raw, &i) : raw.at[i]);

        follow_byte(arguments, c);
    }
}

static void write_arguments(struct delta_writer *writer, const struct delta *delta,
                            struct buf *out)
{
    if (writer->open != DELTA_CALL || writer->open_index != delta->index ||
        delta->text.size <= 2)
        return;
    follow(&writer->arguments, delta->text);
    write_delta(writer, "input_json_delta\",\"partial_json\":", delta->text, out);
}

static void write_call(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    close_block(writer, out);
    start_block(writer, out);
    add(out, "tool_use\",\"id\":");
    (void)buf_add(out, delta->id);
    add(out, ",\"name\":");
    (void)buf_add(out, delta->name);
    add(out, ",\"input\":{}}}\n\n");
    writer->open = DELTA_CALL;
    writer->open_index = delta->index;
    writer->arguments = (struct arguments){ 0 };
    writer->called = true;
    write_arguments(writer, delta, out);
}

static void put(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    if (delta->kind == DELTA_TEXT) {
        open_block(writer, DELTA_TEXT, 0, out);
        write_delta(writer, "text_delta\",\"text\":", delta->text, out);
    } else if (delta->kind == DELTA_THINKING) {
        open_block(writer, DELTA_THINKING, delta->index, out);
        write_delta(writer, "thinking_delta\",\"thinking\":", delta->text, out);
    } else if (delta->kind == DELTA_SIGNATURE) {
        open_block(writer, DELTA_THINKING, delta->index, out);
        write_delta(writer, "signature_delta\",\"signature\":", delta->text, out);
        writer->signed_off = true;
    } else if (delta->kind == DELTA_REDACTED) {
        write_redacted(writer, delta->text, out);
    } else if (delta->kind == DELTA_CALL) {
        write_call(writer, delta, out);
    } else {
        write_arguments(writer, delta, out);
    }
}

/* ---- what must wait ---- */

/* Before the bytes of a delta that waits. */
struct record {
    enum delta_kind kind;
    uint32_t index;
    size_t text;
    size_t id;
    size_t name;
};

static bool waits(const struct delta_writer *writer, const struct delta *delta)
{
    bool in_call = writer->open == DELTA_CALL && !writer->arguments.whole;

    if (delta->kind == DELTA_ARGUMENTS && writer->open == DELTA_CALL &&
        writer->open_index == delta->index)
        return false;
    return in_call || buf_size(writer->envelope);
}

static void keep(struct delta_writer *writer, const struct delta *delta)
{
    struct record record = { delta->kind, delta->index, delta->text.size, delta->id.size,
                             delta->name.size };
    struct buf *queue = writer->envelope;

    if (delta->kind == DELTA_CALL && ++writer->waiting > LIMIT_CALLS_WAITING)
        queue->overflowed = true; /* the stream fails: nothing of an answer is left out */
    if (queue->overflowed)
        return;
    (void)buf_append(queue, &record, sizeof(record));
    (void)buf_add(queue, delta->text);
    (void)buf_add(queue, delta->id);
    (void)buf_add(queue, delta->name);
}

static struct span take(struct span *rest, size_t size)
{
    struct span front = size ? span_first(*rest, size) : span_make(NULL, 0);

    *rest = span_skip(*rest, size);
    return front;
}

static void say(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    if (waits(writer, delta))
        keep(writer, delta);
    else
        put(writer, delta, out);
}

/* Says what has waited; what must wait on does so in the same order. */
static void say_again(struct delta_writer *writer, struct buf *out)
{
    struct buf waited = *writer->envelope;
    struct span rest = buf_span(&waited);

    buf_init(writer->envelope, waited.max);
    writer->waiting = 0;
    while (rest.size) {
        struct record record;
        struct delta delta = { 0 };

        memcpy(&record, take(&rest, sizeof(record)).at, sizeof(record));
        delta.kind = record.kind;
        delta.index = record.index;
        delta.text = take(&rest, record.text);
        delta.id = take(&rest, record.id);
        delta.name = take(&rest, record.name);
        say(writer, &delta, out);
    }
    buf_done(&waited);
}

/* Each turn says at least the first of them. */
static void say_what_waited(struct delta_writer *writer, bool ended, struct buf *out)
{
    if (writer->envelope->overflowed)
        return;
    while (buf_size(writer->envelope) && (ended || writer->arguments.whole)) {
        writer->arguments.whole = true;
        say_again(writer, out);
    }
}

/* ---- the end ---- */

static void write_finish(struct delta_writer *writer, const struct delta *delta,
                         struct buf *out)
{
    const struct delta refusal = { .kind = DELTA_TEXT, .text = delta->text };

    writer->finish = delta->finish;
    if (delta->text.size > 2)
        say(writer, &refusal, out);
}

static void write_end(struct delta_writer *writer, const struct usage *usage, struct buf *out)
{
    say_what_waited(writer, true, out);
    if (writer->blocks == 0) /* clients look at the first block */
        open_block(writer, DELTA_TEXT, 0, out);
    close_block(writer, out);
    (void)buf_add_texts(out,
                        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
                        "{\"stop_reason\":\"",
                        anthropic_stop_word(writer->finish, writer->called),
                        "\",\"stop_sequence\":null},\"usage\":", NULL);
    if (usage->known)
        anthropic_write_usage(usage, out);
    else
        add(out, "{\"output_tokens\":0}");
    add(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

void anthropic_write_delta(struct delta_writer *writer, const struct delta *delta,
                           struct buf *out)
{
    switch (delta->kind) {
    case DELTA_NOTHING:
    case DELTA_FAILED:
    case DELTA_MALFORMED: return;
    case DELTA_PING:
        add(out, writer->begun ? "event: ping\ndata: {\"type\":\"ping\"}\n\n" : ": ping\n\n");
        return;
    case DELTA_START:
    case DELTA_FINISH:
    case DELTA_END: begin(writer, delta->kind == DELTA_START ? delta : NULL, out); break;
    case DELTA_TEXT:
    case DELTA_THINKING:
    case DELTA_SIGNATURE:
    case DELTA_REDACTED:
    case DELTA_CALL:
    case DELTA_ARGUMENTS:
        begin(writer, NULL, out);
        say(writer, delta, out);
        say_what_waited(writer, false, out);
        break;
    }
    if (delta->kind == DELTA_FINISH)
        write_finish(writer, delta, out);
    else if (delta->kind == DELTA_END)
        write_end(writer, &delta->usage, out);
}
