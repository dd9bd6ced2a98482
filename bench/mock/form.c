#include "form.h"

#include "base/digest.h"
#include "base/json.h"

#include <string.h>

/* The bytes of `text` up to `mark`, which go as well; at == NULL when it is not there. */
static struct span cut_at(struct span *text, struct span mark)
{
    const char *at = memmem(text->at, text->size, mark.at, mark.size);
    struct span front;

    if (!at)
        return span_make(NULL, 0);
    front = span_first(*text, (size_t)(at - text->at));
    *text = span_skip(*text, front.size + mark.size);
    return front;
}

static struct span parameter(struct span head, const char *mark)
{
    struct span rest = head;

    if (!cut_at(&rest, span_from(mark)).at)
        return span_make(NULL, 0);
    return cut_at(&rest, SPAN_OF("\""));
}

bool form_read(const struct request *request, struct form *ret)
{
    struct span type = request_field(request, "content-type");
    struct span rest = buf_span(&request->body);
    struct buf mark;

    *ret = (struct form){ .count = 0 };
    if (!span_starts(type, "multipart/form-data") || !cut_at(&type, SPAN_OF("boundary=")).at)
        return false;
    if (span_starts(type, "\""))
        type = span_first(span_skip(type, 1), span_find(span_skip(type, 1), '"'));
    buf_init(&mark, 256);
    buf_add_text(&mark, "\r\n--");
    buf_add(&mark, type);
    if (!span_equal(span_first(rest, buf_size(&mark) - 2), span_skip(buf_span(&mark), 2)))
        rest.size = 0;
    rest = span_skip(rest, buf_size(&mark) - 2);
    while (span_starts(rest, "\r\n") && ret->count < FORM_PARTS_MAX) {
        struct form_part *part = &ret->parts[ret->count];
        struct span head = cut_at(&rest, SPAN_OF("\r\n\r\n"));

        part->name = parameter(head, " name=\"");
        part->filename = parameter(head, "filename=\"");
        part->bytes = cut_at(&rest, buf_span(&mark));
        if (!part->bytes.at || !part->name.at)
            break;
        ret->count++;
    }
    buf_done(&mark);
    return span_starts(rest, "--");
}

struct span form_text(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (span_is(form->parts[i].name, name))
            return form->parts[i].bytes;
    return span_make(NULL, 0);
}

static void write_file(const struct form_part *part, struct json_writer *w)
{
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;

    digest_sha256(part->bytes, &digest);
    digest_hex(&digest, hex);
    json_begin(w, '{');
    json_put_string(w, "name", part->name);
    json_put_string(w, "filename", part->filename);
    json_put_u64(w, "bytes", part->bytes.size);
    json_put_text(w, "sha256", hex);
    json_end(w, '}');
}

void form_write(const struct form *form, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_key(&w, "fields");
    json_begin(&w, '{');
    for (size_t i = 0; i < form->count; i++)
        if (!form->parts[i].filename.at) {
            json_key_span(&w, form->parts[i].name);
            json_string(&w, form->parts[i].bytes);
        }
    json_end(&w, '}');
    json_key(&w, "files");
    json_begin(&w, '[');
    for (size_t i = 0; i < form->count; i++)
        if (form->parts[i].filename.at)
            write_file(&form->parts[i], &w);
    json_end(&w, ']');
    json_end(&w, '}');
}
