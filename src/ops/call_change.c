#include "ops/call_change.h"

#include "base/limits.h"
#include "flow/refusal.h"
#include "ops/call.h"
#include "ops/change.h"

enum { PATH_BYTES_MAX = 4096 };

const char *call_setting_path(struct arena *arena, const char *const *names)
{
    struct buf text;
    struct json_writer w = json_writer(&text);
    const char *path;

    buf_init(&text, PATH_BYTES_MAX);
    json_begin(&w, '[');
    for (; *names; names++)
        json_text(&w, *names);
    json_end(&w, ']');
    path = arena_text(arena, buf_span(&text));
    buf_done(&text);
    return path;
}

struct json_doc *call_json_body(struct call *call)
{
    struct span text = http_body(call->http);
    struct json_doc *body = NULL;

    if (text.size > LIMIT_CALL_BODY_BYTES)
        call_refuse(call, REFUSE_REQUEST_TOO_LARGE, "The body is too large.");
    else if (json_parse(text, &body))
        call_refuse(call, REFUSE_INVALID_JSON, "The body is not JSON.");
    return body;
}

bool call_in_force(struct call *call)
{
    switch (change_fate(call->change)) {
    case CHANGE_RUNNING: return false;
    case CHANGE_IN_FORCE: call->awaits = NULL; return true;
    case CHANGE_REFUSED:
        call_refuse(call, REFUSE_CONFLICT,
                    arena_text(&call->arena, change_report(call->change)));
        break;
    case CHANGE_NOT_SAVED:
        call_refuse(call, REFUSE_OVERLOADED,
                    arena_text(&call->arena, change_report(call->change)));
        break;
    }
    call->awaits = NULL;
    return false;
}
