/* fault_steps: the words in which fault_rows.c is written, and the bytes it sends. */
#ifndef MOCK_FAULT_STEPS_H
#define MOCK_FAULT_STEPS_H

#include "fault.h"

/* A script. The braces of one line each are clearer than what clang-format makes of them. */
#define STEPS(...) ((const struct step[]){ __VA_ARGS__, { .kind = STEP_OVER } })

/* clang-format off */
#define HEAD          { .kind = STEP_HEAD }
#define EVENTS(n)     { .kind = STEP_EVENTS, .count = (n) }
#define HALF          { .kind = STEP_HALF }
#define FINISH        { .kind = STEP_FINISH }
#define RAW(...)      { .kind = STEP_RAW, .text = SPAN(__VA_ARGS__) }
#define RAWS(n, ...)  { .kind = STEP_RAW, .count = (n), .text = SPAN(__VA_ARGS__) }
#define BODY(...)     { .kind = STEP_BODY, .text = SPAN(__VA_ARGS__) }
#define BODIES(n, each_ms, ...) \
                      { .kind = STEP_BODY, .count = (n), .ms = (each_ms), .text = SPAN(__VA_ARGS__) }
#define REPLY(code, head, ...) \
                      { .kind = STEP_REPLY, .status = (code), .fields = (head), .text = SPAN(__VA_ARGS__) }
#define WAIT(wait_ms) { .kind = STEP_WAIT, .ms = (wait_ms) }
#define HOLD          { .kind = STEP_HOLD }
#define STALL         { .kind = STEP_STALL }
#define DEAF          { .kind = STEP_DEAF }
#define HEAR          { .kind = STEP_HEAR }
#define CLOSE         { .kind = STEP_CLOSE }
#define RESET         { .kind = STEP_RESET }
#define ANSWER        HEAD, EVENTS(EVENTS_ALL), FINISH
/* clang-format on */

#define HTTP_OK     "HTTP/1.1 200 OK\r\n"
#define JSON_TYPE   "content-type: application/json\r\n"
#define SSE_TYPE    "content-type: text/event-stream\r\n"
#define EARLY_HINTS "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"
#define BODY_START  "{\"id\":\"chatcmpl-short\",\"object\":\"chat.completion\","
#define BOM         "\xef\xbb\xbf"
#define PAGE        "<html><head><title>Sign in</title></head><body>Sign in</body></html>\n"
#define ERROR(message, type, code)                                                             \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type                                 \
    "\",\"param\":null,\"code\":" code "}}"
#define ERROR_EVENT "data: " ERROR("The server had an error.", "server_error", "null") "\n\n"

#define ANTHROPIC_ERROR                                                                        \
    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"                \
    "\"Overloaded\"},\"request_id\":\"req_mock\"}"
#define GEMINI_OVERLOAD                                                                        \
    "{\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":"            \
    "\"UNAVAILABLE\"}}"
#define GEMINI_LIMITED                                                                         \
    "{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota (key $KEY).\","    \
    "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/"         \
    "google.rpc.RetryInfo\",\"retryDelay\":\"17.4s\"}]}}"
#define ANTHROPIC_ERROR_EVENT "event: error\ndata: " ANTHROPIC_ERROR "\n\n"

#define X16(text)                                                                              \
    text text text text text text text text text text text text text text text text
#define KILOBYTE X16("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

/* A small chat.completion, gzipped. */
#define GZIP                                                                                   \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4d\x4f\xdb\x4e\xc3\x30\x0c\xfd\x97\xf3"         \
    "\x1c\xd0\xc6\x63\x7e\x05\xa1\xc9\x4b\xdd\x36\x2c\x8d\xa3\xda\x91\x26\xaa\xfe\x3b"         \
    "\x1e\x0c\xb6\x27\x4b\xe7\xee\x0d\x79\x40\x44\x9a\xc9\xd2\xd2\xca\xcb\xf4\x95\x1b"         \
    "\x02\xe4\xfc\xc9\xc9\xee\xc4\x6b\x12\xa7\xd8\xb2\x54\xa7\xd2\xca\x64\xec\xa6\x63"         \
    "\xc0\x22\x03\x17\x57\x8d\xd4\x8b\xc5\xbb\x37\xcd\x92\x13\x2b\xe2\xfb\x86\x5c\x07"         \
    "\xbe\x22\x1e\x5c\xca\xaa\x34\x31\xe2\x86\x55\x8a\x5f\x90\x6a\x56\xa3\x6a\x37\x8f"         \
    "\x54\xe3\x7a\x2b\xec\xb5\x51\xba\x78\x7e\xc0\xca\x63\x57\xf2\xfc\xda\x4b\xd9\x03"         \
    "\x8a\x4c\x6d\x95\xb3\xfe\x02\x01\x63\xae\x59\xe7\x93\xef\x51\x5f\x16\xa1\x26\x0d"         \
    "\xfb\x47\x40\xff\x6b\x72\xf9\xd2\xec\x64\x72\xe1\xaa\x3f\x8b\x1f\xaf\x3c\xa3\x26"         \
    "\x46\xe5\x1f\x78\xdb\xf7\x6f\x54\x7c\x9d\x37\x17\x01\x00\x00"

/* The start of a deflate stream of one zero byte, then turns of 13 bytes (eight times "repeat the
 * last byte 258 times") that can follow for ever. */
#define BOMB_START "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x63\x18"
#define BOMB_TURN  "\x05\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18"

#endif
