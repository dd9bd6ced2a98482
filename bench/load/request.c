#include "request.h"

#include "base/json.h"

#include <stdio.h>

enum { READ_BYTES = 64 * 1024 };

bool request_add_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    bool whole;

    if (!file)
        return false;
    while (!feof(file) && !ferror(file)) {
        char *room = buf_reserve(out, READ_BYTES);

        if (!room)
            break;
        buf_commit(out, fread(room, 1, READ_BYTES, file));
    }
    whole = feof(file) && !ferror(file);
    (void)fclose(file);
    return whole;
}

static void add_chat(const struct options *options, uint64_t mark, struct buf *out)
{
    buf_add_text(out, "{\"model\":");
    json_quote(out, span_from(options->model));
    if (mark)
        buf_printf(out, ",\"user\":\"load-%llu\"", (unsigned long long)mark);
    if (options->stream)
        buf_add_text(out, ",\"stream\":true");
    if (options->stream && options->usage)
        buf_add_text(out, ",\"stream_options\":{\"include_usage\":true}");
    buf_add_text(out, ",\"messages\":[{\"role\":\"user\",\"content\":\"Say something.");
    while (buf_size(out) + sizeof("\"}]}") - 1 < options->body_bytes)
        buf_add_byte(out, ' ');
    buf_add_text(out, "\"}]}");
}

bool request_write_body(const struct options *options, uint64_t mark, struct buf *out)
{
    if (options->body_file)
        return request_add_file(options->body_file, out);
    add_chat(options, mark, out);
    return !out->overflowed;
}

void request_write(const struct options *options, const struct target *target, struct span body,
                   struct buf *out)
{
    buf_printf(out, "POST %s HTTP/1.1\r\nHost: %s\r\n",
               target->path[0] ? target->path : options->path, target->host);
    buf_add_text(out, "Content-Type: application/json\r\n");
    buf_add_text(out, options->stream ? "Accept: text/event-stream\r\n"
                                      : "Accept: application/json\r\n");
    if (options->key)
        buf_printf(out, "Authorization: Bearer %s\r\n", options->key);
    if (options->connection_per_request)
        buf_add_text(out, "Connection: close\r\n");
    buf_add(out, buf_span(&options->headers));
    buf_printf(out, "Content-Length: %zu\r\n\r\n", body.size);
    buf_add(out, body);
}
