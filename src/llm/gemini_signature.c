/* Signatures of other providers, for clients of Gemini's language. They keep what they were sent as bytes
 * and send it back in base64 of either alphabet, so another's signature is packed once more:
 *
 *     gemini:AbC= <----------------> AbC=                     its own
 *     ErUB…       <----------------> base64("sluice/s:ErUB…")
 *     thinking that only its provider can read <--> base64("sluice/r:…") */
#include "llm/gemini.h"

#include "base/base64.h"
#include "llm/gemini_read.h"

enum { MARK_BYTES = 9 }; /* of which base64 makes twelve characters, whatever follows */

static const char signed_mark[] = "sluice/s:";
static const char redacted_mark[] = "sluice/r:";

static struct span bare_of(struct span raw)
{
    return span_first(span_skip(raw, 1), raw.size - 2);
}

/* Can it stand in a JSON string as it is? */
static bool plain(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] < 0x20 || text.at[i] >= 0x7f || text.at[i] == '"' || text.at[i] == '\\')
            return false;
    return text.size > 0;
}

static void pack(const char *mark, struct span bare, struct buf *out)
{
    struct buf text;

    buf_init(&text, bare.size + MARK_BYTES);
    (void)buf_add_text(&text, mark);
    (void)buf_add(&text, bare);
    (void)buf_add_byte(out, '"');
    base64_write(buf_span(&text), out);
    (void)buf_add_byte(out, '"');
    buf_done(&text);
}

bool gemini_signs(struct span signature)
{
    struct span bare;

    return signature.size > 2 &&
           (signature_unmark(GEMINI_LANGUAGE, signature, &bare) || plain(bare_of(signature)));
}

void gemini_write_signature(struct span signature, struct buf *out)
{
    struct span bare;

    if (!signature_unmark(GEMINI_LANGUAGE, signature, &bare)) {
        pack(signed_mark, bare_of(signature), out);
        return;
    }
    (void)buf_add_byte(out, '"');
    (void)buf_add(out, bare);
    (void)buf_add_byte(out, '"');
}

void gemini_write_redacted(struct span raw, struct buf *out)
{
    pack(redacted_mark, bare_of(raw), out);
}

static bool unpack(struct span text, const char *mark, struct arena *arena, struct span *ret)
{
    bool fine;
    struct buf out;

    buf_init(&out, text.size + 1);
    fine = base64_read(text, &out) && span_starts(buf_span(&out), mark) &&
           plain(span_skip(buf_span(&out), MARK_BYTES));
    if (fine)
        *ret = span_from(
            arena_printf(arena, "\"%.*s\"", SPAN_ARG(span_skip(buf_span(&out), MARK_BYTES))));
    buf_done(&out);
    return fine;
}

void gemini_read_signature(struct span raw, struct arena *arena, struct part *io)
{
    struct span text = scan_string(raw, arena);

    if (span_starts(text, "c2x1aWNlL3M6") && unpack(text, signed_mark, arena, &io->signature))
        return;
    if (io->kind == PART_THINKING && span_starts(text, "c2x1aWNlL3I6") &&
        unpack(text, redacted_mark, arena, &io->text)) {
        io->kind = PART_REDACTED;
        return;
    }
    io->signature = signature_mark(GEMINI_LANGUAGE, raw, arena);
}
