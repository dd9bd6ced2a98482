/* Sound, images, moderation, ranking: the small endpoints, and what a form brought. */
#include "base/json.h"
#include "form.h"
#include "openai.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum {
    SPEECH_CHUNK_BYTES = 1000,
    IMAGES_MAX = 10,
    TRANSCRIPT_EVENTS = 3,
};

static const char png[] = /* of one pixel */
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"
    "M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg==";

static const char media_usage[] = "\"usage\":{\"total_tokens\":150,\"input_tokens\":50,"
                                  "\"input_tokens_details\":{\"text_tokens\":10,"
                                  "\"image_tokens\":40},\"output_tokens\":100}";
static const char sound_usage[] = "\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
                                  "\"input_token_details\":{\"text_tokens\":4,"
                                  "\"audio_tokens\":10},\"output_tokens\":45,"
                                  "\"total_tokens\":59}";

/* ---- JSON ---- */

void openai_moderations(const struct ask *ask, struct answer *answer)
{
    struct buf *out = &answer->body;

    if (!openai_check(ask, "input", answer))
        return;
    buf_printf(out, "{\"id\":\"modr-%08" PRIx64 "\",\"model\":", ask->number);
    json_quote(out, ask->model);
    buf_add_text(out, ",\"results\":[{\"flagged\":true,\"categories\":{\"violence\":true},"
                      "\"category_scores\":{\"violence\":0.92},"
                      "\"category_applied_input_types\":{\"violence\":[\"text\"]}}]}");
}

void openai_rerank(const struct ask *ask, struct answer *answer)
{
    struct buf *out = &answer->body;
    size_t count = yyjson_arr_size(yyjson_obj_get(ask->body, "documents"));

    if (!openai_check(ask, "documents", answer))
        return;
    buf_printf(out, "{\"id\":\"rerank-%08" PRIx64 "\",\"model\":", ask->number);
    json_quote(out, ask->model);
    buf_add_text(out, ",\"results\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s{\"index\":%zu,\"relevance_score\":0.%zu}", i ? "," : "",
                   count - 1 - i, 9 - (i < 9 ? i : 8));
    buf_printf(out, "],\"usage\":{\"total_tokens\":%" PRIu64 "}}",
               peek_string_bytes(ask->body) / 4);
}

static void add_images(uint64_t count, struct buf *out)
{
    buf_add_text(out, "{\"created\":1700000000,\"data\":[");
    for (uint64_t i = 0; i < count && i < IMAGES_MAX; i++)
        buf_printf(out, "%s{\"b64_json\":\"%s\"}", i ? "," : "", png);
    buf_printf(out, "],%s", media_usage);
}

static uint32_t render_image(const struct answer *answer, uint32_t index, struct buf *out)
{
    const char *name = index ? "image_generation.completed" : "image_generation.partial_image";

    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"b64_json\":\"%s\"%s%s}\n\n", name,
               name, png, index ? "," : "", index ? media_usage : "");
    return (uint32_t)answer->said.choices;
}

void openai_images(const struct ask *ask, struct answer *answer)
{
    if (!openai_check(ask, "prompt", answer))
        return;
    if (ask->stream) {
        answer_set_stream(answer, 2, render_image);
        return;
    }
    add_images(peek_u64(ask->body, "n", 1), &answer->body);
    buf_add_byte(&answer->body, '}');
}

/* ---- speech ---- */

static uint32_t render_sound(const struct answer *answer, uint32_t index, struct buf *out)
{
    (void)answer;
    for (uint32_t i = 0; i < SPEECH_CHUNK_BYTES; i++)
        buf_add_byte(out, (char)((index * SPEECH_CHUNK_BYTES + i) % 251));
    return 1;
}

static uint32_t render_speech(const struct answer *answer, uint32_t index, struct buf *out)
{
    if (index + 1 < answer->events)
        buf_printf(out, "data: {\"type\":\"speech.audio.delta\",\"audio\":\"c291bmQ%u\"}\n\n",
                   index % 10);
    else
        buf_printf(out, "data: {\"type\":\"speech.audio.done\",%s}\n\n", sound_usage);
    return 1;
}

void openai_speech(const struct ask *ask, struct answer *answer)
{
    if (!openai_check(ask, "input", answer))
        return;
    if (span_is(peek_text(ask->body, "stream_format"), "sse")) {
        answer_set_stream(answer, ask->knobs->tokens + 1, render_speech);
        return;
    }
    answer_set_stream(answer, ask->knobs->tokens, render_sound);
    answer->type = "audio/mpeg";
}

/* ---- forms ---- */

static bool check_form(const struct ask *ask, const char *needed, struct answer *answer)
{
    if (!ask->model.size || span_starts(ask->model, "missing"))
        return openai_check(ask, needed, answer); /* which says what is wrong */
    if (form_text(ask->form, needed).at)
        return true;
    openai_refuse_member(needed, answer);
    return false;
}

static uint32_t render_transcript(const struct answer *answer, uint32_t index, struct buf *out)
{
    if (index + 1 < answer->events)
        buf_printf(out, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"word%u \"}\n\n",
                   index);
    else
        buf_printf(out,
                   "data: {\"type\":\"transcript.text.done\",\"text\":\"word0 word1 \",%s}\n\n",
                   sound_usage);
    return 1;
}

void openai_transcription(const struct ask *ask, struct answer *answer)
{
    struct span format;

    if (!check_form(ask, "file", answer))
        return;
    format = form_text(ask->form, "response_format");
    if (span_is(form_text(ask->form, "stream"), "true")) {
        answer_set_stream(answer, TRANSCRIPT_EVENTS, render_transcript);
    } else if (span_is(format, "text") || span_is(format, "srt") || span_is(format, "vtt")) {
        answer->type = "text/plain; charset=utf-8";
        buf_add_text(&answer->body, "The tide is high.\n");
    } else {
        buf_printf(&answer->body, "{\"text\":\"The tide is high.\",\"arrived\":");
        form_write(ask->form, &answer->body);
        buf_printf(&answer->body, ",%s}", sound_usage);
    }
}

void openai_image_form(const struct ask *ask, struct answer *answer)
{
    if (!ask->model.size || span_starts(ask->model, "missing")) {
        (void)openai_check(ask, "image", answer);
        return;
    }
    if (!form_text(ask->form, "image").at && !form_text(ask->form, "image[]").at) {
        openai_refuse_member("image", answer);
        return;
    }
    add_images(1, &answer->body);
    buf_add_text(&answer->body, ",\"arrived\":");
    form_write(ask->form, &answer->body);
    buf_add_byte(&answer->body, '}');
}
