#include "answer.h"

#include <string.h>

static int on_head(llhttp_t *parser)
{
    struct answer *answer = parser->data;

    answer->head = parser->status_code >= 200;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct answer *answer = parser->data;

    answer->tally->bytes += size;
    if (answer->stream && parser->status_code == 200)
        events_feed(&answer->events, span_make(at, size), answer->now_ns);
    return 0;
}

/* An interim answer (100, 103) is not the answer. */
static int on_complete(llhttp_t *parser)
{
    struct answer *answer = parser->data;

    if (parser->status_code < 200)
        return 0;
    answer->complete = true;
    answer->keep_alive = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    events_init(&answer->events);
}

void answer_done(struct answer *answer)
{
    events_done(&answer->events);
}

void answer_reset(struct answer *answer, bool stream, uint64_t tokens, uint64_t started_ns,
                  struct tally *tally)
{
    events_reset(&answer->events, tokens, started_ns, tally);
    llhttp_init(&answer->parser, HTTP_RESPONSE, &settings);
    answer->parser.data = answer;
    answer->tally = tally;
    answer->stream = stream;
    answer->begun = false;
    answer->head = false;
    answer->complete = false;
    answer->keep_alive = false;
    answer->malformed = false;
}

void answer_feed(struct answer *answer, struct span bytes, uint64_t now_ns)
{
    llhttp_errno_t err;

    answer->begun = true;
    answer->now_ns = now_ns;
    err = llhttp_execute(&answer->parser, bytes.at, bytes.size);
    if (!answer->complete)
        answer->malformed = err != HPE_OK;
    else if (llhttp_get_error_pos(&answer->parser) != bytes.at + bytes.size)
        answer->malformed = true; /* bytes behind the answer, which nobody asked for */
}

void answer_close(struct answer *answer, uint64_t now_ns)
{
    answer->now_ns = now_ns;
    if (answer->begun && !answer->complete && !answer->malformed)
        (void)llhttp_finish(&answer->parser); /* on_complete() when it ends by closing */
}

enum outcome answer_judge(const struct answer *answer, const char **ret_why)
{
    unsigned status = answer->parser.status_code;

    *ret_why = "malformed HTTP";
    if (answer->malformed)
        return OUTCOME_WRONG;
    *ret_why = "closed before the answer began";
    if (!answer->begun)
        return OUTCOME_UNANSWERED;
    *ret_why = "closed before the answer was complete";
    if (!answer->complete)
        return OUTCOME_BROKEN;
    *ret_why = llhttp_status_name((llhttp_status_t)status);
    if (status < 200 || status > 299)
        return OUTCOME_REFUSED;
    *ret_why = "";
    return answer->stream ? events_judge(&answer->events, ret_why) : OUTCOME_OK;
}
