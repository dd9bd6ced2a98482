#include "text.h"

#include "base/json.h"
#include "base/mem.h"

#include <assert.h>

static const char *const word_list[] = {
    "tok", "tok", "na\xc3\xafve", "tok", "\xe6\xbd\xae", "tok", "\xf0\x9f\x8c\x8a", "tok",
};

enum { WORD_COUNT = sizeof(word_list) / sizeof(word_list[0]) };

static const char json_head[] = "{\"answer\": \"";
static const char json_tail[] = "\"}";

void text_init(struct text *text, uint32_t tokens, uint32_t token_bytes)
{
    assert(tokens <= TEXT_TOKENS_MAX);
    assert(token_bytes <= TEXT_TOKEN_BYTES_MAX);
    *text = (struct text){ .count = tokens, .whole = tokens, .token_bytes = token_bytes };
    buf_init(&text->echo, SIZE_MAX / 2);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t';
}

/* Where the token that starts at `at` ends: behind its leading spaces and the word. */
static size_t token_end(struct span words, size_t at)
{
    while (at < words.size && is_space(words.at[at]))
        at++;
    while (at < words.size && !is_space(words.at[at]))
        at++;
    return at;
}

void text_set_echo(struct text *text, struct span words)
{
    size_t at = 0;
    uint32_t count = 0;

    if (text->json) {
        json_quote(&text->echo, words);
        buf_consume(&text->echo, 1); /* the quotes are in json_head and json_tail */
        words = span_first(buf_span(&text->echo), buf_size(&text->echo) - 1);
    } else {
        buf_add(&text->echo, words);
        words = buf_span(&text->echo);
    }
    text->starts = mem_alloc((words.size + 2) * sizeof(text->starts[0]));
    while (at < words.size && count < TEXT_TOKENS_MAX) {
        text->starts[count++] = (uint32_t)at;
        at = token_end(words, at);
    }
    text->starts[count] = (uint32_t)words.size;
    text->count = count;
    text->whole = count;
}

void text_done(struct text *text)
{
    buf_done(&text->echo);
    mem_free(text->starts);
    text->starts = NULL;
}

void text_limit(struct text *text, uint64_t tokens)
{
    if (tokens < text->count)
        text->count = (uint32_t)tokens;
}

static void add_numbered(const struct text *text, uint32_t index, struct buf *out)
{
    size_t before = buf_size(out);

    if (index)
        buf_add_byte(out, ' ');
    buf_add_text(out, word_list[index % WORD_COUNT]);
    buf_add_u64(out, index);
    while (buf_size(out) - before < text->token_bytes)
        buf_add_byte(out, '.');
}

void text_add_token(const struct text *text, uint32_t index, struct buf *out)
{
    assert(index < text->count);
    if (text->json && index == 0)
        buf_add_text(out, json_head);
    if (text->starts)
        buf_append(out, buf_span(&text->echo).at + text->starts[index],
                   text->starts[index + 1] - text->starts[index]);
    else
        add_numbered(text, index, out);
    if (text->json && index + 1 == text->whole)
        buf_add_text(out, json_tail);
}

void text_add_all(const struct text *text, struct buf *out)
{
    for (uint32_t i = 0; i < text->count; i++)
        text_add_token(text, i, out);
}
