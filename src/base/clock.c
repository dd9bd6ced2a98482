#include "base/clock.h"

#include <stdio.h>
#include <time.h>

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

void clock_text(uint64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000u);
    struct tm date;
    char whole[CLOCK_TEXT_SIZE + 64];

    (void)gmtime_r(&seconds, &date);
    (void)snprintf(whole, sizeof(whole), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                   date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour,
                   date.tm_min, date.tm_sec, (unsigned)(wall_ms % 1000u));
    (void)snprintf(text, CLOCK_TEXT_SIZE, "%.24s", whole);
}
