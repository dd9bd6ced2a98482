/* replay: runs a fuzz target over the inputs it is given, once each, under any compiler.
 *
 * libFuzzer searches for new inputs (`make fuzz`); this makes sure in every build that those it
 * once found stay harmless. Arguments are files, or folders of files. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_BYTES_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The copy is as long as the input, so that AddressSanitizer sees a read behind its end. */
static bool replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    bool read = false;

    if (file && bytes && size <= INPUT_BYTES_MAX)
        read = fread(bytes, 1, size, file) == size;
    if (read)
        (void)LLVMFuzzerTestOneInput(bytes, size);
    else
        perror(path);
    free(bytes);
    if (file)
        (void)fclose(file);
    return read;
}

/* Returns how many inputs were run, or -1 when one could not be read. */
static int replay(const char *path)
{
    struct stat about;

    if (stat(path, &about) != 0) {
        perror(path);
        return -1;
    }
    return replay_file(path, (size_t)about.st_size) ? 1 : -1;
}

static int replay_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    int ran = 0;

    for (int i = 0; i < count; i++) {
        char name[4096];

        (void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && ran >= 0)
            ran = replay(name) < 0 ? -1 : ran + 1;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return ran;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        struct stat about;
        bool folder = stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode);
        int ran = folder ? replay_folder(argv[i]) : replay(argv[i]);

        if (ran < 0)
            return 1;
        total += ran;
    }
    (void)printf("%d inputs\n", total);
    return total > 0 ? 0 : 1; /* a corpus that was not found must not look like success */
}
