/* form: the parts of a multipart/form-data body that is whole. Reads what SDKs and curl send, and nothing
 * stranger: it is an upstream's reader, on purpose not the gateway's. */
#ifndef MOCK_FORM_H
#define MOCK_FORM_H

#include "base/buf.h"
#include "request.h"

#include <stdbool.h>

enum { FORM_PARTS_MAX = 32 };

struct form_part {
    struct span name;
    struct span filename; /* at == NULL: it is no file */
    struct span bytes;
};

struct form {
    struct form_part parts[FORM_PARTS_MAX];
    size_t count;
};

/* False when the request's body is no form. The parts are lent by the request. */
bool form_read(const struct request *request, struct form *ret);

/* The first part of that name; empty when there is none. */
struct span form_text(const struct form *form, const char *name);

/* Writes what arrived: {"fields": {...}, "files": [{"name", "filename", "bytes", "sha256"}]}. */
void form_write(const struct form *form, struct buf *out);

#endif
