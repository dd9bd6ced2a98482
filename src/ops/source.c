#include "ops/source.h"

#include <sys/stat.h>

typedef struct config *(*read_fn)(const struct config *now, struct config_changes *changes,
                                  struct config_report *report);

uint64_t source_stamp(const char *path)
{
    struct stat file;
    uint64_t stamp;

    if (path == NULL || stat(path, &file) != 0)
        return 0;
    stamp = (uint64_t)file.st_mtim.tv_sec * 1000000000u + (uint64_t)file.st_mtim.tv_nsec;
    return stamp ^ ((uint64_t)file.st_ino << 20) ^ (uint64_t)file.st_size;
}

static struct config *read_file(const struct config *now, struct config_changes *changes,
                                struct config_report *report)
{
    struct config *config = config_from_file(now->file, changes, report);

    if (config)
        config->generation = now->generation + 1;
    return config;
}

struct config *source_read_again(const struct config *now, struct config_changes *changes,
                                 struct config_report *report)
{
    return config_again(now, changes, report);
}

static bool stands(read_fn read, const struct config *now, struct config_changes *changes)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = read(now, changes, &report);
    config_report_done(&report);
    config_unref(config);
    return config != NULL;
}

/* Each that cannot stand on those kept before it is over. */
static void sift(read_fn read, const struct config *now, struct config_changes *changes)
{
    struct config_changes kept = { 0 };

    for (size_t i = 0; i < changes->count; i++) {
        struct config_change *item = &changes->items[i];

        if (item->over)
            continue;
        config_changes_put(&kept, span_from(item->path), span_from(item->value),
                           span_from(item->base));
        item->over = !stands(read, now, &kept);
        if (item->over)
            config_changes_drop(&kept, span_from(item->path));
    }
    config_changes_done(&kept);
}

static struct config *read_with_room(read_fn read, const struct config *now,
                                     struct config_changes *changes,
                                     struct config_report *report)
{
    struct config *config = read(now, changes, report);

    if (config || changes->count == 0)
        return config;
    config_report_done(report);
    config_report_init(report);
    if (!stands(read, now, NULL))
        return read(now, NULL, report); /* it is not the changes: says what is wrong */
    sift(read, now, changes);
    return read(now, changes, report);
}

struct config *source_read_file(const struct config *now, struct config_changes *changes,
                                struct config_report *report)
{
    return read_with_room(read_file, now, changes, report);
}

struct config *source_sift(const struct config *now, struct config_changes *changes,
                           struct config_report *report)
{
    return read_with_room(config_again, now, changes, report);
}
