/* reload: a new configuration, whole or not at all, without losing a request.
 *
 * The file is read on the loop: it takes about a millisecond, and happens when an operator asks. */
#ifndef OPS_RELOAD_H
#define OPS_RELOAD_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct gateway;

/* A number that changes when the file does (also when a symbolic link on the way to it moves). 0: no
 * file. */
uint64_t reload_stamp(const char *path);

/* Reads the file again. True: it is in force. False: the old one stays; ret_report (may be NULL) gets
 * every error. `why` is for the log. */
bool reload_now(struct gateway *gateway, const char *why, struct buf *ret_report);

void reload_if_changed(struct gateway *gateway);

#endif
