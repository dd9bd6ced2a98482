#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECONDS_SIZE = 20 /* "2026-11-21T02:34:43." */ };

static uint64_t read_us(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000u;
}

uint64_t clock_wall_coarse_ms(void)
{
    return read_us(CLOCK_REALTIME_COARSE) / 1000u;
}

/* The part up to the seconds changes once a second and is asked for with every log line. */
static void write_seconds(uint64_t seconds, char text[CLOCK_TEXT_SIZE])
{
    static uint64_t known;
    static char written[CLOCK_TEXT_SIZE + 64];
    time_t when = (time_t)seconds;
    struct tm date;

    if (seconds != known || written[0] == 0) {
        (void)gmtime_r(&when, &date);
        (void)snprintf(written, sizeof(written), "%04d-%02d-%02dT%02d:%02d:%02d.",
                       date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour,
                       date.tm_min, date.tm_sec);
        known = seconds;
    }
    memcpy(text, written, SECONDS_SIZE);
}

void clock_text(uint64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    unsigned ms = (unsigned)(wall_ms % 1000u);

    write_seconds(wall_ms / 1000u, text);
    text[SECONDS_SIZE] = (char)('0' + ms / 100);
    text[SECONDS_SIZE + 1] = (char)('0' + ms / 10 % 10);
    text[SECONDS_SIZE + 2] = (char)('0' + ms % 10);
    text[SECONDS_SIZE + 3] = 'Z';
    text[SECONDS_SIZE + 4] = 0;
}
