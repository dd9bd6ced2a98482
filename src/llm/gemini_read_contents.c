/* The system's words and the contents.
 *
 *     contents of the user ---> their results, a turn each, then what else they say
 *     contents of the model in a row ---> one turn, as a client keeps what came in a stream
 *
 * Calls and results are joined by ids elsewhere, and here often by the name of the function and the order
 * alone: a call without an id is given one, and a result without belongs to the first call of its name that
 * still waits. */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

#include "base/limits.h"

#include <assert.h>

struct call {
    struct call *next;
    const struct part *part;
    struct span own; /* the id that the client gave it; raw; at == NULL: none */
};

struct contents {
    struct request_reading *reading;
    struct turn **end;   /* where the next turn goes */
    struct turn *model;  /* the last turn, where the model spoke; else NULL */
    struct part **parts; /* where its next part goes */
    struct part *last;   /* of its parts */
    struct buf
        thought; /* the last one, as far as it came in pieces, without the quote that ends it */
    struct call *calls; /* those that wait for their results */
    size_t waiting;
    size_t count; /* of all calls */
};

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING && field->raw.size > 2;
}

static struct scan_item item_of(const struct scan_field *field)
{
    return (struct scan_item){ .kind = field->kind, .raw = field->raw };
}

/* The thought that came in pieces is whole. */
static void settle_thought(struct contents *contents)
{
    if (buf_size(&contents->thought) == 0)
        return;
    assert(contents->last); /* it is what the thought began with */
    (void)buf_add_byte(&contents->thought, '"');
    contents->last->text = arena_copy(contents->reading->arena, buf_span(&contents->thought));
    buf_reset(&contents->thought);
}

static struct turn *add_turn(struct contents *contents, enum turn_role role)
{
    struct turn *turn = arena_zero(contents->reading->arena, sizeof(*turn));

    settle_thought(contents);
    contents->last = NULL;
    turn->role = role;
    *contents->end = turn;
    contents->end = &turn->next;
    contents->model = NULL;
    return turn;
}

/* ---- what the model has said ---- */

/* What came in pieces goes on where the last one ended: a signature is one of the whole thought. */
static bool goes_on(struct contents *contents, const struct part *part)
{
    struct part *last = contents->last;
    struct buf *thought = &contents->thought;

    if (last == NULL || last->kind != PART_THINKING || part->kind != PART_THINKING ||
        last->signature.at || (part->text.size <= 2 && part->signature.at == NULL))
        return false;
    if (buf_size(thought) == 0)
        (void)buf_add(thought, span_first(last->text, last->text.size - 1));
    (void)buf_add(thought, span_first(span_skip(part->text, 1), part->text.size - 2));
    last->signature = part->signature;
    return true;
}

static void add_parts(struct contents *contents, struct part *part)
{
    for (; part; part = part->next) {
        if (goes_on(contents, part))
            continue;
        settle_thought(contents);
        *contents->parts = part;
        contents->parts = &part->next;
        contents->last = part;
    }
}

static bool wait_for(struct contents *contents, const struct gemini_place *place,
                     const struct part *part, struct span own)
{
    struct call **end = &contents->calls;
    struct call *call = arena_zero(contents->reading->arena, sizeof(*call));

    if (contents->waiting++ == LIMIT_CALLS_OPEN)
        return gemini_wrong(place, "is one call too many without a result.");
    while (*end)
        end = &(*end)->next;
    *call = (struct call){ .part = part, .own = own };
    *end = call;
    return true;
}

static bool read_call(struct contents *contents, const struct gemini_place *place,
                      const struct scan_field fields[GEMINI_FIELDS])
{
    struct scan_field inner[] = { { .name = "name" }, { .name = "args" }, { .name = "id" } };
    const struct scan_item object = item_of(&fields[GEMINI_CALL]);
    struct arena *arena = contents->reading->arena;
    struct part *part = arena_zero(arena, sizeof(*part));

    gemini_look(&object, inner, 3);
    if (!is_string(&inner[0]) || (inner[1].raw.at && inner[1].kind != JSON_OBJECT))
        return gemini_wrong(
            place, "must have a `functionCall` with a `name` and an object as `args`.");
    part->kind = PART_CALL;
    part->name = inner[0].raw;
    part->input = inner[1].raw.at ? scan_compact(inner[1].raw, arena) : SPAN_OF("{}");
    part->id = is_string(&inner[2])
                   ? inner[2].raw
                   : span_from(arena_printf(arena, "\"call_g%zu\"", contents->count));
    contents->count++;
    if (is_string(&fields[GEMINI_SIGNATURE]))
        gemini_read_signature(fields[GEMINI_SIGNATURE].raw, arena, part);
    add_parts(contents, part);
    return wait_for(contents, place, part,
                    is_string(&inner[2]) ? inner[2].raw : (struct span){ 0 });
}

/* ---- what its calls have found ---- */

/* The call that is answered: by its id, else the first of that name. It waits no longer. */
static const struct part *take_call(struct contents *contents, struct span id, struct span name)
{
    struct call **found = NULL;
    const struct part *part;

    for (struct call **at = &contents->calls; *at && found == NULL; at = &(*at)->next)
        if (id.at && span_equal((*at)->own, id))
            found = at;
    for (struct call **at = &contents->calls; *at && found == NULL; at = &(*at)->next)
        if (span_equal((*at)->part->name, name))
            found = at;
    if (found == NULL)
        return NULL;
    part = (*found)->part;
    *found = (*found)->next;
    contents->waiting--;
    return part;
}

/* The only member, if it is one of the two words that Google has for what a function found. */
static bool unwrap(struct span response, struct scan_item *ret)
{
    struct scan_item second;
    size_t at = 0;

    return scan_next(response, &at, ret) && !scan_next(response, &at, &second) &&
           (scan_key_is(ret->key, "error") ||
            (scan_key_is(ret->key, "output") && ret->kind == JSON_STRING));
}

static struct span quoted(struct span text, struct arena *arena)
{
    struct span copy;
    struct buf out;

    buf_init(&out, 6 * text.size + 2);
    json_quote(&out, text);
    copy = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return copy;
}

static void read_response(struct span response, struct arena *arena, struct part *result)
{
    struct part *text = arena_zero(arena, sizeof(*text));
    struct scan_item only;

    result->content = text;
    if (!unwrap(response, &only)) {
        text->text = quoted(response, arena);
        return;
    }
    result->failed = scan_key_is(only.key, "error");
    text->text = only.kind == JSON_STRING ? only.raw : quoted(only.raw, arena);
}

/* Images that a function has found beside it. */
static bool read_pictures(const struct gemini_place *place, const struct scan_field *parts,
                          struct part *result)
{
    const struct scan_item list = item_of(parts);
    struct part **end = &result->content->next;
    struct scan_item item;
    size_t at = 0;

    while (parts->raw.at && gemini_each(&list, &at, &item)) {
        struct scan_field fields[GEMINI_FIELDS];
        struct part *part;
        bool fine;

        if (item.kind != JSON_OBJECT)
            return gemini_wrong(place, "must have objects as `functionResponse.parts`.");
        gemini_look_into_part(place, &item, fields);
        part = gemini_read_said(place, fields, &fine);
        if (!fine)
            return false;
        if (part == NULL || (part->kind != PART_IMAGE && part->kind != PART_DOCUMENT))
            continue;
        *end = part;
        end = &part->next;
    }
    return true;
}

static bool read_result(struct contents *contents, const struct gemini_place *place,
                        const struct scan_field *field)
{
    struct scan_field inner[] = {
        { .name = "name" }, { .name = "response" }, { .name = "id" }, { .name = "parts" }
    };
    const struct scan_item object = item_of(field);
    struct arena *arena = contents->reading->arena;
    struct part *result = arena_zero(arena, sizeof(*result));
    const struct part *call;

    gemini_look(&object, inner, 4);
    if (!is_string(&inner[0]) || (inner[1].raw.at && inner[1].kind != JSON_OBJECT))
        return gemini_wrong(
            place, "must have a `functionResponse` with a `name` and an object as `response`.");
    call = take_call(contents, is_string(&inner[2]) ? inner[2].raw : (struct span){ 0 },
                     inner[0].raw);
    if (call == NULL)
        return gemini_wrong(place, "answers a function that no content of the model has called "
                                   "before it, or that was answered.");
    result->kind = PART_RESULT;
    result->id = call->id;
    read_response(inner[1].raw.at ? inner[1].raw : SPAN_OF("{}"), arena, result);
    if (!read_pictures(place, &inner[3], result))
        return false;
    add_turn(contents, TURN_TOOL)->parts = result;
    return true;
}

/* ---- contents ---- */

/* One content that is being read. */
struct content {
    struct contents *all;
    const char *path;
    bool model;
    struct part *said; /* by the user */
    struct part **end;
};

static bool read_part(struct content *content, size_t number, const struct scan_item *item)
{
    struct arena *arena = content->all->reading->arena;
    const struct gemini_place place = {
        content->all->reading, arena_printf(arena, "%s.parts[%zu]", content->path, number)
    };
    struct scan_field fields[GEMINI_FIELDS];
    struct part *part;
    bool fine;

    if (item->kind != JSON_OBJECT)
        return gemini_wrong(&place, "must be an object.");
    gemini_look_into_part(&place, item, fields);
    if (fields[GEMINI_CALL].raw.at)
        return content->model ? read_call(content->all, &place, fields)
                              : gemini_wrong(&place, "is a call, which only a model can make.");
    if (fields[GEMINI_RESPONSE].raw.at)
        return content->model
                   ? gemini_wrong(&place, "is the answer of a function, which no model gives.")
                   : read_result(content->all, &place, &fields[GEMINI_RESPONSE]);
    part = gemini_read_said(&place, fields, &fine);
    if (content->model)
        add_parts(content->all, part);
    else
        *content->end = part;
    while (*content->end)
        content->end = &(*content->end)->next;
    return fine;
}

static bool read_parts(struct content *content, const struct scan_field *parts)
{
    const struct scan_item list = item_of(parts);
    struct scan_item item;
    size_t at = 0;

    for (size_t i = 0; parts->raw.at && gemini_each(&list, &at, &item); i++)
        if (!read_part(content, i, &item))
            return false;
    return true;
}

static bool is_model(const struct content *content, struct span role, bool *ret_fine)
{
    const struct gemini_place place = { content->all->reading, content->path };

    *ret_fine = role.at == NULL || span_is(role, "\"user\"") || span_is(role, "\"model\"") ||
                span_is(role, "\"function\"") || span_is(role, "\"tool\"") ||
                gemini_wrong(&place, "must have user or model as its `role`.");
    return span_is(role, "\"model\"");
}

static bool read_content(struct contents *contents, size_t number, const struct scan_item *item)
{
    struct scan_field fields[] = { { .name = "role" }, { .name = "parts" } };
    struct content content = { .all = contents };
    const struct gemini_place place = {
        contents->reading, arena_printf(contents->reading->arena, "contents[%zu]", number)
    };
    bool fine;

    if (item->kind != JSON_OBJECT)
        return gemini_wrong(&place, "must be an object.");
    content.path = place.path;
    content.end = &content.said;
    gemini_look(item, fields, 2);
    content.model = is_model(&content, fields[0].raw, &fine);
    if (!fine)
        return false;
    if (content.model && contents->model == NULL) {
        contents->model = add_turn(contents, TURN_ASSISTANT);
        contents->parts = &contents->model->parts;
    }
    if (!read_parts(&content, &fields[1]))
        return false;
    if (content.said)
        add_turn(contents, TURN_USER)->parts = content.said;
    return true;
}

static bool read_all(struct contents *contents, const struct scan_item *value)
{
    struct scan_item item;
    size_t at = 0;

    for (size_t i = 0; gemini_each(value, &at, &item); i++)
        if (!read_content(contents, i, &item))
            return false;
    settle_thought(contents);
    return true;
}

bool gemini_read_contents(struct request_reading *reading, const struct scan_item *value)
{
    struct contents contents = { .reading = reading, .end = &reading->to->turns };
    bool fine;

    while (*contents.end) /* the system has spoken first */
        contents.end = &(*contents.end)->next;
    if (value->kind != JSON_ARRAY && value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "contents", "an array of contents");
    buf_init(&contents.thought, value->raw.size + 2);
    fine = read_all(&contents, value);
    buf_done(&contents.thought);
    return fine;
}

/* ---- the system ---- */

bool gemini_read_system(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field parts = { .name = "parts" };
    struct turn *turn = arena_zero(reading->arena, sizeof(*turn));
    struct part **end = &turn->parts;
    struct scan_item list;
    struct scan_item item;
    size_t at = 0;

    gemini_look(value, &parts, 1);
    list = item_of(&parts);
    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "systemInstruction", "an object with `parts`");
    for (size_t i = 0; parts.raw.at && gemini_each(&list, &at, &item); i++) {
        struct scan_field text = { .name = "text" };
        struct part *part = arena_zero(reading->arena, sizeof(*part));

        gemini_look(&item, &text, 1);
        if (text.raw.at == NULL || text.kind != JSON_STRING)
            return request_wrong_kind(
                reading, arena_printf(reading->arena, "systemInstruction.parts[%zu]", i),
                "a text");
        part->text = text.raw;
        *end = part;
        end = &part->next;
    }
    turn->role = TURN_SYSTEM;
    turn->next = reading->to->turns; /* wherever it stands in the body */
    if (turn->parts)
        reading->to->turns = turn;
    return true;
}
