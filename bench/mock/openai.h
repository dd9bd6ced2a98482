/* openai: the parts that the OpenAI endpoints share. */
#ifndef MOCK_OPENAI_H
#define MOCK_OPENAI_H

#include "dialect.h"

/* ---- the endpoints; the rest is in openai.c ---- */

void openai_chat(const struct ask *ask, struct answer *answer);
void openai_completions(const struct ask *ask, struct answer *answer);
void openai_responses(const struct ask *ask, struct answer *answer);
void openai_embeddings(const struct ask *ask, struct answer *answer);
void openai_moderations(const struct ask *ask, struct answer *answer);
void openai_rerank(const struct ask *ask, struct answer *answer);
void openai_images(const struct ask *ask, struct answer *answer);
void openai_speech(const struct ask *ask, struct answer *answer);
void openai_transcription(const struct ask *ask, struct answer *answer);
void openai_image_form(const struct ask *ask, struct answer *answer);

void openai_list_models(const struct ask *ask, struct answer *answer);

/* ---- for them ---- */

/* Refuses, and answers false, unless there are a model that exists and the member `needed`. */
bool openai_check(const struct ask *ask, const char *needed, struct answer *answer);

/* Refuses because `name` is missing. */
void openai_refuse_member(const char *name, struct answer *answer);

/* Writes prefix and the number of the answer. */
void openai_add_id(const struct completion *said, const char *prefix, struct buf *out);

/* The last item of `messages` with role "user" when no other follows; NULL else. */
yyjson_val *openai_last_user(yyjson_val *messages);

/* The text of a message whose content is a string or an array of parts; lent. */
struct span openai_message_text(yyjson_val *message);

/* Calls functions if `tools` and tool_choice let it; `flat` as in Responses, else as in Chat. */
void openai_call_tools(struct completion *said, yyjson_val *body, bool flat);

/* Writes the usage of Chat and Completions. */
void openai_add_usage(const struct completion *said, struct buf *out);

const char *openai_finish(const struct completion *said);

/* Writes ,"asked_ns":N,"sent_ns":N when times are to be stamped. */
void openai_add_stamp(const struct answer *answer, struct buf *out);

/* Writes token `index` as a JSON string. */
void openai_add_token(const struct completion *said, uint32_t index, struct buf *out);

#endif
