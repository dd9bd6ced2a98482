#include "process.h"

#include "base/span.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* To the nanosecond, of all threads, also of those that have ended; /proc/PID/stat counts in
 * hundredths of a second. */
static uint64_t cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec used;

    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
        return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static uint64_t rss_bytes(pid_t pid)
{
    char path[64];
    char text[128];
    struct span rest;
    uint64_t pages = 0;
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size = read(fd, text, sizeof(text));
    (void)close(fd);
    rest = span_make(text, size > 0 ? (size_t)size : 0);
    (void)span_cut(&rest, ' ');
    (void)span_u64(span_cut(&rest, ' '), &pages);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t sum(const struct target *target, uint64_t (*figure)(pid_t pid))
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < target->pid_count; i++)
        all += figure(target->pids[i]);
    return all;
}

void process_begin(const struct target *target, struct usage *usage, struct counter *counter)
{
    counter_open(counter, target);
    usage->uncounted = counter->why_not;
    usage->rss_begin = sum(target, rss_bytes);
    usage->rss_peak = usage->rss_begin;
    usage->cpu_ns = sum(target, cpu_ns);
}

void process_look(const struct target *target, struct usage *usage)
{
    uint64_t rss = sum(target, rss_bytes);

    if (rss > usage->rss_peak)
        usage->rss_peak = rss;
    usage->rss_end = rss;
}

void process_end(const struct target *target, struct usage *usage, struct counter *counter)
{
    uint64_t now = sum(target, cpu_ns);

    usage->cpu_ns = now > usage->cpu_ns ? now - usage->cpu_ns : 0;
    usage->instructions = counter_read(counter);
    counter_close(counter);
    process_look(target, usage);
}
