/* limits: everything that comes from outside has a bound, and this is the list of them.
 *
 * Some are the defaults or the ceilings of settings (see config/settings.c); the rest is fixed.
 * Each has a test that reaches it. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* What a client may send. */
enum {
    LIMIT_TARGET_BYTES = 8 * 1024,         /* request target: 414 */
    LIMIT_HEADER_BYTES = 32 * 1024,        /* all headers: 431; `limits.header_bytes` */
    LIMIT_HEADER_BYTES_NONE = 1024 * 1024, /* where that setting says none */
    LIMIT_BODY_BYTES_NONE = 1 << 30,       /* where `limits.body_bytes` says none */
    LIMIT_HEADERS = 128,                   /* their number: 431 */
    LIMIT_CHUNK_EXTENSION_BYTES = 1024,    /* of a whole body: 400 */
    LIMIT_PIPELINED_BYTES = 64 * 1024,     /* read ahead of the request that is being served */
    LIMIT_JSON_DEPTH = 64,                 /* nesting of a request body: 400 */
    LIMIT_JSON_NUMBER_BYTES = 1024,        /* digits of one number: 400 */
    LIMIT_CLIENT_REQUEST_ID_BYTES = 128,   /* a longer x-request-id is replaced */
    LIMIT_SESSION_BYTES = 128,             /* of X-Session-Id: 400 */
    LIMIT_MODEL_NAME_BYTES = 256,          /* 400 */
    LIMIT_MEMORY_BYTES = 1024,             /* kept of a client between its requests */
    LIMIT_KEY_BYTES = 512,                 /* a longer client key is a wrong key */
    LIMIT_CALL_BODY_BYTES = 1024 * 1024,   /* bodies of the admin plane: 413 */
    LIMIT_ACCEPTS_PER_TURN = 64,           /* new connections before others get their turn */
    LIMIT_TLS_HANDSHAKES_PER_TURN = 4,     /* each costs about a millisecond */
};

/* What a client may send as a form (multipart/form-data): sound, images. */
enum {
    LIMIT_FORM_HEADER_BYTES = 4096,           /* of one part: 400 */
    LIMIT_FORM_NAME_BYTES = 64,               /* looked at; a longer one is none that we know */
    LIMIT_FORM_PARTS = 1000,                  /* 400 */
    LIMIT_FORM_KEPT_BYTES = 1024 * 1024,      /* kept for a second try while it goes up */
    LIMIT_FORM_HELD_BYTES = 32 * 1024 * 1024, /* in front of its `model`: 400 */
};

/* What waits in memory for a client or an upstream. */
enum {
    LIMIT_READ_BYTES = 64 * 1024,       /* one read from a socket */
    LIMIT_SEND_BYTES = 64 * 1024,       /* of a request, written to an upstream in one go */
    LIMIT_PIECES_PER_TURN = 2,          /* of large bodies, read or written, all together */
    LIMIT_SHED_BYTES = 1024 * 1024,     /* of memory, given back to the system in one turn */
    LIMIT_HELD_BODY_BYTES = 64 * 1024,  /* of the body of a request that waits in the queue */
    LIMIT_CLIENT_OUT_BYTES = 64 * 1024, /* unsent reply: then the upstream is paused */
    LIMIT_CLIENT_OUT_MAX =
        16 * 1024 * 1024,                  /* a writer that does not pause: the client is cut */
    LIMIT_CLIENT_SEND_BYTES = 128 * 1024,  /* what the kernel may hold of it as well */
    LIMIT_LINGER_BYTES = 64 * 1024 * 1024, /* dropped behind a refused request, then cut */
    LIMIT_REFUSALS = 64,                   /* connections beyond the maximum told so at once */
    LIMIT_INBOX_BYTES = 64 * 1024,         /* untaken answer: then the transfer is paused */
    LIMIT_FED_BYTES = 64 * 1024,           /* of a request that the upstream did not take yet */
    LIMIT_COMMIT_WINDOW_BYTES = 16 * 1024, /* role-only and ping events held back */
    LIMIT_EVENT_BYTES = 1024 * 1024,       /* one SSE event of an upstream */
    LIMIT_DELTAS_WAITING_BYTES = 1024 * 1024, /* of an answer that comes in another order */
    LIMIT_CALLS_WAITING = 128,                /* in it */
    LIMIT_CALLS_OPEN = 1024, /* of a Gemini request, without their results yet: 400 */
    LIMIT_ANSWER_HELD_BYTES = 256 * 1024, /* a JSON answer held whole before it is sent */
    LIMIT_ANSWER_TRANSLATED_BYTES = 8 * 1024 * 1024, /* one in another language: 502 */
    LIMIT_ANSWER_BYTES = 64 * 1024 * 1024,           /* a JSON answer altogether: 502 */
    LIMIT_ANSWER_TAIL_BYTES = 4096,                  /* its end, kept to find the usage in */
    LIMIT_UPSTREAM_HEADER_BYTES = 64 * 1024,         /* 502 upstream_header_too_large */
    LIMIT_UPSTREAM_HEADERS = 256,                    /* likewise */
    LIMIT_UPSTREAM_INTERIM = 16,                     /* 1xx answers before the real one: 502 */
    LIMIT_MEDIA_TYPE_BYTES = 256, /* of an answer that is passed on: else octet-stream */
    LIMIT_UPSTREAM_ERROR_BYTES = 64 * 1024, /* of an error body that is read */
    LIMIT_LOAD_BYTES = 1024 * 1024,         /* of a server's own metrics: they say nothing */
    LIMIT_LOAD_REQUESTS = 1000000,          /* that it can say it works at */
};

/* What a provider says of its models: more than that is no answer. */
enum {
    LIMIT_OFFER_BYTES = 4 * 1024 * 1024,
    LIMIT_OFFERED_MODELS = 4000,
};

/* What the operator may configure. */
enum {
    LIMIT_CONFIG_BYTES = 4 * 1024 * 1024,
    LIMIT_CONFIG_DEPTH = 32,
    LIMIT_CONFIG_ERRORS = 20,    /* reported at once */
    LIMIT_CONFIG_CHANGES = 1000, /* made in a running gateway, on top of the file */
    LIMIT_PLAN_TARGETS = 64, /* of one model, in all regions; tried, at most, for one request */
    LIMIT_REGIONS = 32,      /* of one provider */
    LIMIT_FALLBACKS = 16,
    LIMIT_PROVIDER_KEYS = 256,       /* given to PUT /admin/providers/{name}/keys: 400 */
    LIMIT_PROVIDER_KEY_BYTES = 4096, /* of each: likewise */
    LIMIT_ROLLOUT_PHASES = 16,
    LIMIT_PRICES = 10000, /* of models, in one list */
    LIMIT_WEBHOOKS = 16,
    LIMIT_RATE = 1000000000, /* requests or tokens a minute */
};

/* What the process keeps. */
enum {
    LIMIT_METRIC_SERIES = 2000, /* of one metric; beyond that the label is `other` */
    LIMIT_EVENTS = 1000,        /* of /admin/events */
    LIMIT_ORIGINS =
        10000, /* addresses of upstreams; a client's name for a model is part of some */
    LIMIT_WEBHOOK_ANSWER_BYTES = 64 * 1024, /* ignored; a longer one ends the connection */
    LIMIT_EVENT_REASON_BYTES = 1024,        /* of one of them */
    LIMIT_LEDGER_PAGES = 1000, /* of targets; beyond that they are `other` together */
    LIMIT_STATUS_KEYS = 1000,  /* client keys with limits in /admin/status */
    LIMIT_STORE_BATCH_BYTES = 64 * 1024 * 1024, /* written to the state at once */
    LIMIT_LOG_BYTES = 1024 * 1024, /* unwritten log; beyond that lines are dropped */
    LIMIT_LOG_LINE_BYTES = 16 * 1024,
    LIMIT_LOGGED_BODY_BYTES = 4 * 1024, /* with `log.bodies`; escaping may double it */
    LIMIT_IDLE_UPSTREAM_CONNECTIONS = 512,
    LIMIT_IDLE_EASY_HANDLES = 256,
    LIMIT_TICK_ROUNDS = 8, /* task rounds in one turn before I/O gets its turn */
};

#endif
