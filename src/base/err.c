#include "base/err.h"

const char *err_text(enum err err)
{
    switch (err) {
    case ERR_OK: return "fine";
    case ERR_SYNTAX: return "malformed";
    case ERR_TYPE: return "of the wrong type";
    case ERR_DUPLICATE: return "given twice";
    case ERR_TOO_DEEP: return "too deeply nested";
    case ERR_TOO_BIG: return "too long";
    case ERR_MISSING: return "missing";
    case ERR_RANGE: return "out of range";
    case ERR_IO: return "refused by the system";
    case ERR_BUSY: return "busy";
    }
    return "unknown";
}
