/* estimate: tokens that nobody counted for us: of a prompt whose answer broke off before its provider
 * said, and of an answer that was cut. Never a bill's first choice, and always flagged in it. */
#ifndef LLM_ESTIMATE_H
#define LLM_ESTIMATE_H

#include "base/span.h"
#include "llm/scan_long.h"

#include <stdbool.h>
#include <stdint.h>

/* Of a request in any of our languages, as its client sent it: a token is about four bytes of what the
 * model is given to read. So all strings count in which a conversation is told, wherever they stand in
 * it; with the names of their members, for what its form takes (`role` and `content` come to the three or
 * four tokens that OpenAI says a message costs beside its text; `system` counts as one, too). Tools count whole. What is base64 is an image or
 * the like, whose size in bytes says little: each is ESTIMATE_MEDIUM tokens. 0 for what is not JSON. */
uint64_t estimate_prompt(struct span body);

/* The bytes of a JSON string, decoded; it stands there with its quotes, and is valid. */
uint64_t estimate_string_bytes(struct span raw);

enum { ESTIMATE_MEDIUM = 1000, ESTIMATE_BYTES = 4 };

/* The same of a long body, gathered while it is scanned: scan.watch = estimate_watch(&count). What it comes to
 * once the scan has succeeded is what estimate_prompt() says. */
struct estimate_count {
    struct scan_watch watch;
    unsigned part; /* what the member of the top level that comes counts for */
    bool data;     /* the last name was `data`, and no string came since */
    uint64_t text; /* bytes of the string that comes, so far */
    uint64_t bytes;
    uint64_t media;
};

struct scan_watch *estimate_watch(struct estimate_count *count);
uint64_t estimate_counted(const struct estimate_count *count);

/* The events of an answer that have gone past. */
struct estimate {
    bool bare;       /* their bytes are text alone; else something stands around it */
    uint64_t events; /* with text */
    uint64_t bytes;  /* of them, all together */
    uint64_t
        least; /* of the smallest, where they are not bare: about what stands around the text */
    uint64_t few; /* how many had hardly more than that */
};

/* Another one, of that many bytes. */
void estimate_add(struct estimate *estimate, uint64_t bytes);

/* Tokens. Most providers send each token as it is made, an event for each: then their number is exact,
 * and bytes say less (a token of English is three to six, of Chinese two to nine). Those that gather
 * several give themselves away: few of their events are as short as a word. Then it is four bytes a token,
 * and never less than one an event. */
uint64_t estimate_output(const struct estimate *estimate);

#endif
