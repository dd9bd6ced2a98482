#include "base/base64.h"

#include <stdint.h>

void base64_write(struct span bytes, struct buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; bytes.size; bytes = span_skip(bytes, 3)) {
        uint32_t bits = 0;
        char four[4];

        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < bytes.size ? (unsigned char)bytes.at[i] : 0);
        for (size_t i = 0; i < 4; i++)
            four[i] = i > bytes.size ? '=' : digits[bits >> (18 - 6 * i) & 63];
        (void)buf_append(out, four, sizeof(four));
    }
}
