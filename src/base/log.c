#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE_BYTES =
        4096, /* a pipe that polls as writable takes so much without blocking (PIPE_BUF) */
    FULL_BYTES =
        16 *
        1024, /* so many do not wait: a busy log lives in a block that malloc has at hand */
};

struct stream {
    int fd;
    struct buf lines;
    bool known; /* the kind of file has been looked at */
    bool file;  /* a regular file: never blocks for long */
};

static struct {
    enum log_level level;
    bool text;
    struct stream events;
    struct stream access;
    struct buf line;
    uint64_t dropped;
    void (*on_pending)(void *context);
    void *context;
} log_state = {
    .level = LOG_INFO,
    .events = { .fd = STDERR_FILENO, .lines = { .max = LIMIT_LOG_BYTES } },
    .access = { .fd = STDOUT_FILENO, .lines = { .max = LIMIT_LOG_BYTES } },
    .line = { .max = LIMIT_LOG_LINE_BYTES },
};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn",
    [LOG_ERROR] = "error", [LOG_OFF] = "off",
};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_read(struct span name, enum log_level *ret)
{
    if (span_is_nocase(name, "warning"))
        name = SPAN_OF("warn");
    for (int level = LOG_DEBUG; level <= LOG_OFF; level++)
        if (span_is_nocase(name, level_names[level])) {
            *ret = (enum log_level)level;
            return true;
        }
    return false;
}

void log_setup(enum log_level level, bool text)
{
    log_state.level = level;
    log_state.text = text;
}

bool log_wants(enum log_level level)
{
    return level >= log_state.level;
}

static bool would_block(int fd)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };

    return poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT);
}

static void flush_stream(struct stream *stream)
{
    if (!stream->known && buf_size(&stream->lines)) {
        struct stat kind;

        stream->file = fstat(stream->fd, &kind) == 0 && S_ISREG(kind.st_mode);
        stream->known = true;
    }
    while (buf_size(&stream->lines)) {
        struct span lines = buf_span(&stream->lines);
        ssize_t written;

        if (!stream->file) {
            if (would_block(stream->fd))
                return;
            lines = span_first(lines, PIECE_BYTES);
        }
        written = write(stream->fd, lines.at, lines.size);
        if (written < 0) {
            if (errno != EINTR && errno != EAGAIN)
                buf_reset(&stream->lines); /* nobody will ever read it */
            return;
        }
        buf_consume(&stream->lines, (size_t)written);
    }
}

/* Moves the finished line to its stream; one that became too long or finds no room is dropped. */
static void finish_line(struct stream *stream)
{
    struct buf *line = &log_state.line;
    size_t before = buf_size(&stream->lines);

    if (before == 0) {
        buf_grow(&stream->lines, FULL_BYTES + LIMIT_LOG_LINE_BYTES);
        if (log_state.on_pending)
            log_state.on_pending(log_state.context);
    }
    (void)buf_add_byte(line, '\n');
    if (line->overflowed || !buf_add(&stream->lines, buf_span(line)))
        log_state.dropped++;
    buf_reset(line);
    if (before / FULL_BYTES < buf_size(&stream->lines) / FULL_BYTES)
        flush_stream(stream);
}

static void write_text(const char *event, const struct log_field *fields, enum log_level level)
{
    struct buf *line = &log_state.line;

    (void)buf_printf(line, "sluice: %s%s", level >= LOG_WARN ? level_names[level] : "",
                     level >= LOG_WARN ? ": " : "");
    (void)buf_add_text(line, event);
    for (; fields->key; fields++) {
        (void)buf_printf(line, " %s=", fields->key);
        json_quote(line, fields->value);
    }
}

static void write_json(const char *event, const struct log_field *fields, enum log_level level)
{
    struct json_writer w = json_writer(&log_state.line);
    char now[CLOCK_TEXT_SIZE];

    clock_text(clock_wall_ms(), now);
    json_begin(&w, '{');
    json_put_text(&w, "time", now);
    json_put_text(&w, "level", level_names[level]);
    json_put_text(&w, "event", event);
    for (; fields->key; fields++) {
        json_key(&w, fields->key);
        if (fields->value.at)
            json_string(&w, fields->value);
        else
            json_null(&w);
    }
    json_end(&w, '}');
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_wants(level))
        return;
    if (log_state.text)
        write_text(event, fields, level);
    else
        write_json(event, fields, level);
    finish_line(&log_state.events);
}

struct buf *log_access_begin(void)
{
    assert(buf_size(&log_state.line) == 0);
    return &log_state.line;
}

void log_access_end(void)
{
    finish_line(&log_state.access);
}

void log_on_pending(void (*run)(void *context), void *context)
{
    log_state.on_pending = run;
    log_state.context = context;
}

bool log_flush(void)
{
    flush_stream(&log_state.events);
    flush_stream(&log_state.access);
    return buf_size(&log_state.events.lines) == 0 && buf_size(&log_state.access.lines) == 0;
}

uint64_t log_dropped(void)
{
    return log_state.dropped;
}
