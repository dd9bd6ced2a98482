/* loop_uv: the libuv loop inside a struct loop, for the rest of net/ only. */
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

struct loop;

uv_loop_t *loop_uv(struct loop *loop);

#endif
