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
            four[i] = (char)(i > bytes.size ? '=' : digits[bits >> (18 - 6 * i) & 63]);
        (void)buf_append(out, four, sizeof(four));
    }
}

/* -1: no digit. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool base64_read(struct span text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of bits that are left over */

    for (int i = 0; i < 2 && span_ends(text, "="); i++)
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.at[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        (void)buf_add_byte(out, (char)(bits >> count & 0xff));
    }
    return count < 6;
}
