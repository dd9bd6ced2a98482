/* file: model "file:NAME" answers with a file of the directory --files.
 *
 *     .http   the whole response, byte for byte; then the connection closes
 *     .sse    the body of a stream
 *     other   the body of a plain JSON answer */
#ifndef MOCK_FILE_H
#define MOCK_FILE_H

#include "dialect.h"

#include <stdbool.h>

/* Whether the model asks for a file; if so, `answer` is it, or says why not. */
bool file_answer(const struct ask *ask, struct answer *answer);

#endif
