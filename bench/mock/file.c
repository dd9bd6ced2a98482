#include "file.h"

#include "fault.h"
#include "mock.h"

#include <stdio.h>
#include <string.h>

static const struct step whole_response[] = {
    { .kind = STEP_EVENTS },
    { .kind = STEP_FINISH },
    { .kind = STEP_CLOSE },
};

static bool is_plain_name(struct span name)
{
    return name.size && name.at[0] != '.' && span_find(name, '/') == SIZE_MAX &&
           span_find(name, '\0') == SIZE_MAX;
}

static bool load(const char *directory, struct span name, struct buf *out)
{
    struct buf path;
    FILE *file;
    char bytes[4096];
    size_t size;

    buf_init(&path, 4096);
    buf_printf(&path, "%s/%.*s", directory, SPAN_ARG(name));
    file = fopen(buf_text(&path), "rb");
    buf_done(&path);
    if (!file)
        return false;
    while ((size = fread(bytes, 1, sizeof(bytes), file)) > 0)
        buf_append(out, bytes, size);
    (void)fclose(file);
    return true;
}

/* The events of a file are not told apart: it is one. */
static uint32_t render_file(const struct answer *answer, uint32_t index, struct buf *out)
{
    (void)index;
    buf_add(out, buf_span(&answer->body));
    return 0;
}

bool file_answer(const struct ask *ask, struct answer *answer)
{
    static const char prefix[] = "file:";
    struct span rest = ask->model;
    struct span name = span_skip(span_cut(&rest, '@'), sizeof(prefix) - 1);

    if (!span_starts(ask->model, prefix))
        return false;
    if (!ask->mock->files || !is_plain_name(name) ||
        !load(ask->mock->files, name, &answer->body)) {
        dialect_openai.refuse(&(struct refusal){ .status = 404,
                                                 .type = "invalid_request_error",
                                                 .code = "model_not_found",
                                                 .param = "model",
                                                 .message = SPAN("There is no such file.") },
                              answer);
        return true;
    }
    answer->render = render_file;
    if (span_ends(name, ".sse"))
        answer_set_stream(answer, 1, render_file);
    if (span_ends(name, ".http"))
        answer->script = whole_response;
    return true;
}
