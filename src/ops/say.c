#include "ops/say.h"

#include <unistd.h>

void say(int fd, struct span text)
{
    while (text.size) {
        ssize_t written = write(fd, text.at, text.size);

        if (written <= 0)
            return;
        text = span_skip(text, (size_t)written);
    }
}
