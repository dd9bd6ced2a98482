/* err: why something failed, as one small word.
 *
 * A function that can fail for one reason returns bool; for several, an `enum err`, where ERR_OK
 * is 0 so that `if (err)` reads well. What a client is told about it is decided in flow/. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_OK,
    ERR_SYNTAX,    /* the text is not of its language */
    ERR_TYPE,      /* right language, wrong kind of value */
    ERR_DUPLICATE, /* a name that may stand once stands twice */
    ERR_TOO_DEEP,  /* nested beyond its limit */
    ERR_TOO_BIG,   /* longer than its limit */
    ERR_MISSING,   /* something that must be there is not */
    ERR_RANGE,     /* a number outside its bounds */
    ERR_IO,        /* the system refused: errno says why */
    ERR_BUSY,      /* not now */
};

/* A short English phrase, never NULL: "too deeply nested". */
const char *err_text(enum err err);

#endif
