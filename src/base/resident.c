#include "base/resident.h"

#include "base/span.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STATM_BYTES = 128, PAGES_AT_ONCE = 512 };

/* Of an entry of /proc/self/pagemap. */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_OF_FILE (UINT64_C(1) << 61)

/* In pages. */
struct statm {
    uint64_t space;
    uint64_t resident;
    uint64_t of_files;
};

static uint64_t next_number(struct span *words)
{
    uint64_t number;

    return span_u64(span_cut(words, ' '), &number) ? number : 0;
}

static struct statm statm(void)
{
    char text[STATM_BYTES];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    struct span words = span_make(text, size > 0 ? (size_t)size : 0);
    struct statm is;

    if (fd >= 0)
        (void)close(fd);
    is.space = next_number(&words);
    is.resident = next_number(&words);
    is.of_files = next_number(&words);
    return is;
}

static uint64_t page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t resident_bytes(void)
{
    return statm().resident * page_bytes();
}

uint64_t resident_own_bytes(void)
{
    struct statm is = statm();

    return (is.resident - is.of_files) * page_bytes();
}

/* ---- code ---- */

struct sweep {
    int pagemap;
    size_t page_bytes;
};

static bool is_file(uint64_t entry)
{
    return (entry & PAGE_PRESENT) && (entry & PAGE_OF_FILE);
}

/* Lets go of those of the `count` pages that are as in their file: run by run. */
static void drop_pages(const struct sweep *sweep, uintptr_t at, const uint64_t *entries,
                       size_t count)
{
    size_t first = 0;

    while (first < count) {
        size_t end = first;

        while (end < count && is_file(entries[end]))
            end++;
        if (end > first)
            (void)madvise((void *)(at + first * sweep->page_bytes), /* NOLINT */
                          (end - first) * sweep->page_bytes, MADV_DONTNEED);
        first = end + 1;
    }
}

static void drop_range(const struct sweep *sweep, uintptr_t from, uintptr_t to)
{
    uint64_t entries[PAGES_AT_ONCE];

    from -= from % sweep->page_bytes;
    while (from < to) {
        off_t place = (off_t)(from / sweep->page_bytes * sizeof(entries[0]));
        size_t left = (to - from + sweep->page_bytes - 1) / sweep->page_bytes;
        size_t wanted = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
        ssize_t got = pread(sweep->pagemap, entries, wanted * sizeof(entries[0]), place);
        size_t count = got > 0 ? (size_t)got / sizeof(entries[0]) : 0;

        if (count == 0)
            return;
        drop_pages(sweep, from, entries, count);
        from += count * sweep->page_bytes;
    }
}

static int drop_object(struct dl_phdr_info *object, size_t size, void *opaque)
{
    const struct sweep *sweep = opaque;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            drop_range(sweep, from, from + part->p_memsz);
    }
    return 0;
}

void resident_drop_code(void)
{
    struct sweep sweep = {
        .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
        .page_bytes = (size_t)sysconf(_SC_PAGESIZE),
    };

    if (sweep.pagemap < 0)
        return;
    (void)dl_iterate_phdr(drop_object, &sweep);
    (void)close(sweep.pagemap);
}
