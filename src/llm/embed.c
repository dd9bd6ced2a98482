#include "llm/embed.h"

#include "llm/dialect.h"

bool embed_can(const struct dialect *client, const struct dialect *provider)
{
    return client != provider && client->client && client->client->embed &&
           provider->provider && provider->provider->embed;
}

bool embed_request(const struct embed *embed, struct losses *losses, struct buf *out)
{
    struct embed_ask ask;

    if (embed->client->client->embed->read_ask(embed->chat, losses->arena, &ask,
                                               &losses->problem))
        return false;
    ask.model = embed->model;
    embed->provider->provider->embed->write_ask(&ask, losses, out);
    if (out->overflowed && losses->problem.code == NULL)
        losses->problem =
            (struct chat_problem){ "request_too_large", "The request is too long.", NULL };
    return losses->problem.code == NULL;
}

/* A token is about four bytes of text. */
static struct usage estimate(const struct embed_ask *ask)
{
    return (struct usage){ .input = (ask->bytes + 3) / 4, .known = true, .estimated = true };
}

void embed_answer(const struct embed *embed, struct span body, struct arena *arena,
                  struct buf *out, struct llm_answer *ret)
{
    struct chat_problem problem;
    struct embed_reply reply;
    struct embed_ask ask;

    embed->provider->provider->embed->read_reply(body, arena, &reply);
    *ret = (struct llm_answer){ .failed = reply.failed, .malformed = reply.malformed };
    ret->error = reply.error;
    if (reply.failed || reply.malformed)
        return;
    /* It could be read when it went up. */
    (void)embed->client->client->embed->read_ask(embed->chat, arena, &ask, &problem);
    ret->malformed = reply.count != ask.count;
    if (ret->malformed)
        return;
    if (!reply.usage.known)
        reply.usage = estimate(&ask);
    ret->usage = reply.usage;
    ask.model = embed->model;
    embed->client->client->embed->write_reply(&ask, &reply, out);
}
