/* An answer as it comes, as chunks of OpenAI's language.
 *
 *     envelope: data: {"id":…,"created":…,"model":…,"choices":[{"index":0,"delta":{
 *     chunk:    envelope  "content":"…"  },"logprobs":null,"finish_reason":null}]}
 *
 * What all chunks begin with is written once. */
#include "llm/openai.h"

#include <string.h>

static void add(struct buf *out, const char *text)
{
    (void)buf_add_text(out, text);
}

#define CHOICE "{\"index\":0,\"delta\":{"

/* What all chunks of an answer begin with, up to what its delta says. */
static void write_envelope(struct delta_writer *writer, const struct delta *start)
{
    struct buf *out = writer->envelope;

    buf_reset(out);
    add(out, "data: {\"id\":");
    if (start && start->id.at)
        (void)buf_add(out, start->id);
    else
        json_quote(out, span_from(writer->fallback_id));
    add(out, ",\"object\":\"chat.completion.chunk\",\"created\":");
    (void)buf_add_u64(out, writer->created_s);
    add(out, ",\"model\":");
    if (start && start->name.at)
        (void)buf_add(out, start->name);
    else
        json_quote(out, writer->model);
    add(out, ",\"choices\":[" CHOICE);
}

static void open_chunk(const struct delta_writer *writer, struct buf *out)
{
    (void)buf_add(out, buf_span(writer->envelope));
}

/* Of nearly every chunk: nothing is put together here. */
static void close_chunk(const struct delta_writer *writer, struct buf *out)
{
    static const struct span ends[] = {
        SPAN("},\"logprobs\":null,\"finish_reason\":null}]}\n\n"),
        SPAN("},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n"),
    };

    (void)buf_add(out, ends[writer->usage]);
}

static void begin(struct delta_writer *writer, const struct delta *start, struct buf *out)
{
    if (writer->begun)
        return;
    writer->begun = true;
    write_envelope(writer, start);
    open_chunk(writer, out);
    add(out, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
    close_chunk(writer, out);
}

static void write_text(struct delta_writer *writer, struct span raw, struct buf *out)
{
    open_chunk(writer, out);
    add(out, "\"content\":");
    (void)buf_add(out, raw);
    close_chunk(writer, out);
}

/* A client puts the pieces together by `index`, as it does with calls. */
static void write_thinking(struct delta_writer *writer, const struct delta *delta,
                           struct buf *out)
{
    bool text = delta->kind == DELTA_THINKING;

    open_chunk(writer, out);
    if (text) {
        add(out, "\"reasoning_content\":");
        (void)buf_add(out, delta->text);
        add(out, ",");
    }
    add(out, "\"thinking_blocks\":[{\"index\":");
    (void)buf_add_u64(out, delta->index);
    add(out, delta->kind == DELTA_REDACTED ? ",\"type\":\"redacted_thinking\",\"data\":"
             : text                        ? ",\"type\":\"thinking\",\"thinking\":"
                                           : ",\"type\":\"thinking\",\"signature\":");
    (void)buf_add(out, delta->text);
    add(out, "}]");
    close_chunk(writer, out);
}

static void write_call(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    bool begins = delta->kind == DELTA_CALL;

    open_chunk(writer, out);
    add(out, "\"tool_calls\":[{\"index\":");
    (void)buf_add_u64(out, delta->index);
    if (begins) {
        add(out, ",\"id\":");
        (void)buf_add(out, delta->id);
        add(out, ",\"type\":\"function\",\"function\":{\"name\":");
        (void)buf_add(out, delta->name);
        add(out, ",\"arguments\":");
    } else {
        add(out, ",\"function\":{\"arguments\":");
    }
    (void)buf_add(out, delta->text.at ? delta->text : SPAN_OF("\"\""));
    add(out, "}");
    openai_write_signature(delta->signature, out);
    add(out, "}]");
    close_chunk(writer, out);
}

static void write_finish(struct delta_writer *writer, const struct delta *delta,
                         struct buf *out)
{
    open_chunk(writer, out);
    if (delta->text.at) {
        add(out, "\"refusal\":");
        (void)buf_add(out, delta->text);
    }
    (void)buf_add_texts(out, "},\"logprobs\":null,\"finish_reason\":\"",
                        openai_finish_word(delta->finish),
                        writer->usage ? "\"}],\"usage\":null}\n\n" : "\"}]}\n\n", NULL);
}

static void write_end(const struct delta_writer *writer, const struct usage *usage,
                      struct buf *out)
{
    if (writer->usage && usage->known) {
        struct span all = buf_span(writer->envelope);

        (void)buf_add(out, span_first(all, all.size - strlen(CHOICE)));
        add(out, "],\"usage\":");
        openai_write_usage(usage, out);
        add(out, "}\n\n");
    }
    add(out, "data: [DONE]\n\n");
}

void openai_write_delta(struct delta_writer *writer, const struct delta *delta, struct buf *out)
{
    switch (delta->kind) {
    case DELTA_NOTHING:
    case DELTA_FAILED:
    case DELTA_MALFORMED: return;
    case DELTA_PING: add(out, ": ping\n\n"); return;
    case DELTA_START:
    case DELTA_TEXT:
    case DELTA_THINKING:
    case DELTA_SIGNATURE:
    case DELTA_REDACTED:
    case DELTA_CALL:
    case DELTA_ARGUMENTS:
    case DELTA_FINISH:
    case DELTA_END: begin(writer, delta->kind == DELTA_START ? delta : NULL, out); break;
    }
    if (delta->kind == DELTA_TEXT)
        write_text(writer, delta->text, out);
    else if (delta->kind == DELTA_THINKING || delta->kind == DELTA_SIGNATURE ||
             delta->kind == DELTA_REDACTED)
        write_thinking(writer, delta, out);
    else if (delta->kind == DELTA_CALL || delta->kind == DELTA_ARGUMENTS)
        write_call(writer, delta, out);
    else if (delta->kind == DELTA_FINISH)
        write_finish(writer, delta, out);
    else if (delta->kind == DELTA_END)
        write_end(writer, &delta->usage, out);
}
