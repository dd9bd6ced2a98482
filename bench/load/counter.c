#include "counter.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *reason(int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP: return "this machine has no hardware counter of instructions";
    case EACCES:
    case EPERM: return "the kernel forbids it (kernel.perf_event_paranoid)";
    case ENOSYS: return "this kernel has no perf_event_open";
    case ESRCH: return "the process is gone";
    default: return "perf_event_open failed";
    }
}

static bool add_thread(struct counter *counter, pid_t thread)
{
    struct perf_event_attr wanted = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(wanted),
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .inherit = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    long fd;

    if (counter->count == COUNTER_THREADS_MAX) {
        counter->why_not = "the processes have too many threads";
        return false;
    }
    fd = syscall(SYS_perf_event_open, &wanted, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) {
        counter->why_not = reason(errno);
        return false;
    }
    counter->fds[counter->count++] = (int)fd;
    return true;
}

static bool add_process(struct counter *counter, pid_t pid)
{
    char path[64];
    struct dirent *entry;
    DIR *threads;
    bool added = true;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    threads = opendir(path);
    if (!threads) {
        counter->why_not = reason(ESRCH);
        return false;
    }
    while (added && (entry = readdir(threads)) != NULL) {
        uint64_t thread;

        if (span_u64(span_from(entry->d_name), &thread))
            added = add_thread(counter, (pid_t)thread);
    }
    (void)closedir(threads);
    return added;
}

void counter_open(struct counter *counter, const struct target *target)
{
    bool added = true;

    *counter = (struct counter){ .why_not = target->pid_count ? NULL : "no --pid" };
    for (uint32_t i = 0; i < target->pid_count && added; i++)
        added = add_process(counter, target->pids[i]);
    if (!added)
        counter_close(counter);
}

uint64_t counter_read(struct counter *counter)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < counter->count; i++) {
        uint64_t value;

        if (read(counter->fds[i], &value, sizeof(value)) == (ssize_t)sizeof(value))
            sum += value;
    }
    return sum;
}

void counter_close(struct counter *counter)
{
    assert(counter->count <= COUNTER_THREADS_MAX);
    for (uint32_t i = 0; i < counter->count; i++)
        (void)close(counter->fds[i]);
    counter->count = 0;
}
