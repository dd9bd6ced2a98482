/* source: where the configuration comes from, read with the changes of the running gateway on top.
 *
 * The file is read on the loop: it takes about a millisecond, and happens when an operator asks. */
#ifndef OPS_SOURCE_H
#define OPS_SOURCE_H

#include "config/config.h"
#include "config/config_changes.h"

#include <stdint.h>

/* A number that changes when the file does (also when a symbolic link on the way to it moves). 0: no
 * file. */
uint64_t source_stamp(const char *path);

/* The file as it is now, with those changes. Where the file is fine, but not with every change on top, the
 * file wins: each change that cannot stand is marked as over. Gives the next generation after `now`. */
struct config *source_read_file(const struct config *now, struct config_changes *changes,
                                struct config_report *report);

/* What was read for `now`, with those changes: all of them, or none. */
struct config *source_read_again(const struct config *now, struct config_changes *changes,
                                 struct config_report *report);

/* The same, but leaves out each change that cannot stand, and marks it as over: at start. */
struct config *source_sift(const struct config *now, struct config_changes *changes,
                           struct config_report *report);

#endif
