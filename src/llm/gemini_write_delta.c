/* An answer as it comes, as events of Gemini's language: each is an answer itself, whose parts go on where the
 * last one's ended.
 *
 *     envelope: data: {"responseId":…,"modelVersion":…,"candidates":[{"index":0,"content":{…"parts":[
 *     event:    envelope  {"text":"…"}  ]}}]}
 *
 * Calls come whole: what is known of them waits behind the envelope until the answer finishes. Why it ends is
 * told last, with the usage of all of it. */
#include "llm/gemini.h"

#include "base/limits.h"

#include <string.h>

static void add(struct buf *out, const char *text)
{
    (void)buf_add_text(out, text);
}

/* What all events of an answer begin with. */
static void begin(struct delta_writer *writer, const struct delta *start)
{
    struct buf *out = writer->envelope;

    if (writer->begun)
        return;
    writer->begun = true;
    buf_reset(out);
    add(out, "data: {\"responseId\":");
    if (start && start->id.size > 2)
        (void)buf_add(out, start->id);
    else
        json_quote(out, span_from(writer->fallback_id));
    add(out, ",\"modelVersion\":");
    if (start && start->name.size > 2)
        (void)buf_add(out, start->name);
    else
        json_quote(out, writer->model);
    add(out, ",\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[");
    writer->begins = buf_size(out);
}

static void open_event(const struct delta_writer *writer, struct buf *out)
{
    (void)buf_add(out, span_first(buf_span(writer->envelope), writer->begins));
}

static void close_event(struct buf *out)
{
    add(out, "]}}]}\r\n\r\n");
}

static void write_part(const struct delta_writer *writer, const struct part *part,
                       struct buf *out)
{
    struct json_writer w = json_writer(out);

    open_event(writer, out);
    gemini_write_part(part, &w);
    close_event(out);
}

/* ---- calls ---- */

/* Before the bytes of a delta that waits: text, id, name, signature. */
struct record {
    bool call; /* begins here; else it is a fragment of its arguments */
    uint32_t index;
    size_t sizes[4];
};

/* What is left of it once it was told: a delta in the buffer. */
struct waiting {
    struct record record;
    struct span texts[4];
};

static void keep(struct delta_writer *writer, const struct delta *delta)
{
    struct record record = {
        .call = delta->kind == DELTA_CALL,
        .index = delta->index,
        .sizes = { delta->text.size, delta->id.size, delta->name.size, delta->signature.size },
    };
    struct buf *queue = writer->envelope;

    if (record.call && ++writer->waiting > LIMIT_CALLS_WAITING)
        queue->overflowed = true; /* the stream fails: nothing of an answer is left out */
    if (queue->overflowed)
        return;
    (void)buf_append(queue, &record, sizeof(record));
    (void)buf_add(queue, delta->text);
    (void)buf_add(queue, delta->id);
    (void)buf_add(queue, delta->name);
    (void)buf_add(queue, delta->signature);
}

static bool take(struct span *rest, struct waiting *ret)
{
    if (rest->size == 0)
        return false;
    memcpy(&ret->record, rest->at, sizeof(ret->record));
    *rest = span_skip(*rest, sizeof(ret->record));
    for (size_t i = 0; i < 4; i++) {
        size_t size = ret->record.sizes[i];

        ret->texts[i] = size ? span_first(*rest, size) : span_make(NULL, 0);
        *rest = span_skip(*rest, size);
    }
    return true;
}

/* All fragments, from the one that the call began with, as the JSON that they are together. */
static struct span arguments_of(const struct waiting *call, struct span rest,
                                struct arena *arena)
{
    struct waiting next = *call;
    struct span text;
    struct buf raw;

    buf_init(&raw, LIMIT_DELTAS_WAITING_BYTES + 2);
    (void)buf_add_byte(&raw, '"');
    do {
        bool own = next.record.index == call->record.index && next.texts[0].size > 2;

        if (own)
            (void)buf_add(&raw,
                          span_first(span_skip(next.texts[0], 1), next.texts[0].size - 2));
    } while (take(&rest, &next));
    (void)buf_add_byte(&raw, '"');
    text = scan_string(arena_copy(arena, buf_span(&raw)), arena);
    buf_done(&raw);
    return text;
}

/* False: it was cut off, or the model wrote something that is no call. */
static bool read_call(const struct waiting *call, struct span rest, struct arena *arena,
                      struct part *ret)
{
    struct span text = arguments_of(call, rest, arena);
    struct scan_result result;
    struct scan_item item = { .raw = SPAN_OF("{}") };

    if (text.size &&
        (scan_value(text, &result) || !scan_front(text, &item) || item.kind != JSON_OBJECT))
        return false;
    *ret = (struct part){
        .kind = PART_CALL,
        .id = call->texts[1],
        .name = call->texts[2],
        .input = scan_compact(item.raw, arena),
        .signature = call->texts[3],
    };
    return true;
}

static void write_calls(struct delta_writer *writer, struct buf *out)
{
    struct span rest = span_skip(buf_span(writer->envelope), writer->begins);
    struct json_writer w = json_writer(out);
    struct waiting waiting;
    bool any = false;

    if (writer->waiting == 0 || writer->envelope->overflowed)
        return;
    while (take(&rest, &waiting)) {
        struct arena arena;
        struct part part;

        if (!waiting.record.call)
            continue;
        arena_init(&arena);
        if (read_call(&waiting, rest, &arena, &part)) {
            if (!any)
                open_event(writer, out);
            any = true;
            gemini_write_part(&part, &w);
        } else {
            writer->garbled = true;
        }
        arena_done(&arena);
    }
    if (any)
        close_event(out);
    writer->waiting = 0;
}

/* ---- the end ---- */

static void write_end(const struct delta_writer *writer, const struct usage *usage,
                      struct buf *out)
{
    bool garbled = writer->garbled && writer->finish != FINISH_LENGTH;

    open_event(writer, out);
    (void)buf_add_texts(
        out, "{\"text\":\"\"}]},\"finishReason\":\"",
        garbled ? "MALFORMED_FUNCTION_CALL" : gemini_finish_word(writer->finish), "\"}]", NULL);
    if (usage->known) {
        struct json_writer w = json_writer(out);

        w.comma = true;
        gemini_write_usage(usage, &w);
    }
    add(out, "}\r\n\r\n");
}

static void write_signature(const struct delta_writer *writer, const struct delta *delta,
                            struct buf *out)
{
    const struct part part = { .kind = PART_THINKING, .signature = delta->text };

    if (gemini_signs(delta->text))
        write_part(writer, &part, out);
}

/* What is told at once. */
static void say(const struct delta_writer *writer, enum part_kind kind, struct span raw,
                struct buf *out)
{
    const struct part part = { .kind = kind, .text = raw };

    if (raw.size > 2)
        write_part(writer, &part, out);
}

void gemini_write_delta(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    if (delta->kind == DELTA_NOTHING || delta->kind == DELTA_FAILED ||
        delta->kind == DELTA_MALFORMED)
        return;
    if (delta->kind == DELTA_PING) {
        add(out, "\r\n"); /* clients take a comment for an answer */
        return;
    }
    begin(writer, delta->kind == DELTA_START ? delta : NULL);
    switch (delta->kind) {
    case DELTA_TEXT: say(writer, PART_TEXT, delta->text, out); break;
    case DELTA_THINKING: say(writer, PART_THINKING, delta->text, out); break;
    case DELTA_REDACTED: say(writer, PART_REDACTED, delta->text, out); break;
    case DELTA_SIGNATURE: write_signature(writer, delta, out); break;
    case DELTA_CALL:
    case DELTA_ARGUMENTS: keep(writer, delta); break;
    case DELTA_FINISH:
        writer->finish = delta->finish;
        write_calls(writer, out);
        say(writer, PART_TEXT, delta->text, out);
        break;
    case DELTA_END:
        write_calls(writer, out);
        write_end(writer, &delta->usage, out);
        break;
    case DELTA_START:
    case DELTA_PING:
    case DELTA_NOTHING:
    case DELTA_FAILED:
    case DELTA_MALFORMED: break;
    }
}
