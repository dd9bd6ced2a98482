/* The system's words and the messages.
 *
 *     a user's message ---> its results, a turn each, then what else it says
 *     an assistant's, or one of the system ---> one turn
 */
#include "llm/anthropic_read.h"

static struct turn *new_turn(struct request_reading *reading, enum turn_role role)
{
    struct turn *turn = arena_zero(reading->arena, sizeof(*turn));

    turn->role = role;
    return turn;
}

/* ---- the system ---- */

/* The first block of some agents says for their provider who they are, as a header does
 * (`x-anthropic-billing-header: …`). It changes all the time, and is nothing that a model should read. */
static bool is_attribution(const struct part *part)
{
    struct span text = span_skip(part->text, 1);
    size_t i = 2;

    if (part->kind != PART_TEXT || !span_starts(text, "x-") ||
        span_find_text(text, "\\n") != SIZE_MAX)
        return false;
    while (i < text.size && ((text.at[i] >= 'a' && text.at[i] <= 'z') || text.at[i] == '-'))
        i++;
    return span_starts(span_skip(text, i), ": ");
}

bool anthropic_read_system(struct request_reading *reading, const struct scan_item *value)
{
    const struct scan_field content = { .kind = value->kind, .raw = value->raw };
    struct turn *turn = new_turn(reading, TURN_SYSTEM);
    struct block_place place = { .reading = reading, .path = "system", .end = &turn->parts };

    if (!anthropic_read_content(&place, &content))
        return false;
    if (value->kind == JSON_ARRAY && turn->parts && is_attribution(turn->parts)) {
        request_peculiar(reading, "system.attribution", true);
        turn->parts = turn->parts->next;
    }
    if (turn->parts == NULL)
        return true;
    turn->next = reading->to->turns; /* wherever it stands in the body */
    reading->to->turns = turn;
    return true;
}

/* ---- messages ---- */

/* One message that is being read. */
struct message {
    struct request_reading *reading;
    size_t number;
    enum turn_role role;
    struct turn **end; /* where the next turn goes */
};

static bool wrong(const struct message *message, const char *where, const char *what)
{
    const char *param =
        arena_printf(message->reading->arena, "messages[%zu]%s", message->number, where);

    return request_wrong(message->reading, param,
                         arena_printf(message->reading->arena, "`%s` %s", param, what));
}

static bool may_say(enum turn_role role, enum part_kind kind)
{
    switch (kind) {
    case PART_TEXT: return true;
    case PART_IMAGE:
    case PART_DOCUMENT: return role != TURN_SYSTEM;
    case PART_RESULT: return role == TURN_USER;
    case PART_CALL:
    case PART_THINKING:
    case PART_REDACTED: return role == TURN_ASSISTANT;
    }
    return false;
}

static void add_turn(struct message *message, enum turn_role role, struct part *parts)
{
    struct turn *turn = new_turn(message->reading, role);

    turn->parts = parts;
    *message->end = turn;
    message->end = &turn->next;
}

/* Results go before everything else of their message, as they have to. */
static void add_results(struct message *message, struct part **parts)
{
    while (*parts) {
        struct part *part = *parts;

        if (part->kind != PART_RESULT) {
            parts = &part->next;
            continue;
        }
        *parts = part->next;
        part->next = NULL;
        add_turn(message, TURN_TOOL, part);
    }
}

static bool add_turns(struct message *message, struct part *parts)
{
    bool any = parts != NULL;

    for (const struct part *part = parts; part; part = part->next)
        if (!may_say(message->role, part->kind))
            return wrong(message, ".content", "holds a block that its `role` cannot say.");
    if (message->role == TURN_USER)
        add_results(message, &parts);
    if (parts || !any)
        add_turn(message, message->role, parts);
    return true;
}

static bool read_message(struct message *message, const struct scan_item *item)
{
    struct scan_field fields[] = { { .name = "role" }, { .name = "content" } };
    struct part *parts = NULL;
    struct block_place place = { .reading = message->reading, .end = &parts };
    struct scan_result result;

    if (item->kind != JSON_OBJECT)
        return wrong(message, "", "must be an object.");
    (void)scan_object(item->raw, fields, 2, &result);
    if (span_is(fields[0].raw, "\"user\""))
        message->role = TURN_USER;
    else if (span_is(fields[0].raw, "\"assistant\""))
        message->role = TURN_ASSISTANT;
    else if (span_is(fields[0].raw, "\"system\""))
        message->role = TURN_SYSTEM;
    else
        return wrong(message, ".role", "must be user, assistant or system.");
    place.path =
        arena_printf(message->reading->arena, "messages[%zu].content", message->number);
    return anthropic_read_content(&place, &fields[1]) && add_turns(message, parts);
}

bool anthropic_read_messages(struct request_reading *reading, const struct scan_item *value)
{
    struct message message = { .reading = reading, .end = &reading->to->turns };
    struct scan_item item;
    size_t at = 0;

    while (*message.end) /* the system has spoken first */
        message.end = &(*message.end)->next;
    if (value->kind != JSON_ARRAY)
        return request_wrong(reading, "messages", "`messages` must be an array.");
    for (; scan_next(value->raw, &at, &item); message.number++)
        if (!read_message(&message, &item))
            return false;
    return true;
}
