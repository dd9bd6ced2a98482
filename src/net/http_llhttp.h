/* http_llhttp: llhttp.h, with its names of the methods out of the way of ours. */
#ifndef NET_HTTP_LLHTTP_H
#define NET_HTTP_LLHTTP_H

#define HTTP_DELETE  LLHTTP_DELETE
#define HTTP_GET     LLHTTP_GET
#define HTTP_HEAD    LLHTTP_HEAD
#define HTTP_OPTIONS LLHTTP_OPTIONS
#define HTTP_POST    LLHTTP_POST
#define HTTP_PUT     LLHTTP_PUT

#include <llhttp.h>

#undef HTTP_DELETE
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_OPTIONS
#undef HTTP_POST
#undef HTTP_PUT

#endif
