#include "policy/sticky.h"

#include <assert.h>

enum { DIGITS = 30 }; /* binary, of a logarithm */

/* The end of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static struct span identity_of(enum config_sticky sticky, const struct sticky_who *who)
{
    switch (sticky) {
    case STICKY_NONE: break;
    case STICKY_KEY: return who->key;
    case STICKY_USER: return who->user;
    case STICKY_SESSION: return who->session;
    }
    return span_make(NULL, 0);
}

uint64_t sticky_identity(enum config_sticky sticky, const struct sticky_who *who)
{
    struct span said = identity_of(sticky, who);
    uint64_t identity;

    if (said.size == 0)
        return 0;
    identity = mix(span_hash(said));
    return identity ? identity : 1;
}

/* -log2(x / 2^53) of x from 1 to 2^53 - 1; above 0. By squaring, digit by digit: the libraries' own
 * may differ in the last place, and then two replicas might differ, too. */
static double minus_log2(uint64_t x)
{
    int whole = 63 - __builtin_clzll(x);
    double rest = (double)x / (double)(UINT64_C(1) << whole); /* from 1 to 2 */
    double digit = 0.5;
    double log = whole;

    for (int i = 0; i < DIGITS; i++, digit /= 2) {
        rest *= rest;
        if (rest < 2)
            continue;
        rest /= 2;
        log += digit;
    }
    return 53 - log;
}

static uint64_t draw(uint64_t identity, struct span place)
{
    return mix(identity ^ mix(span_hash(place)));
}

double sticky_distance(uint64_t identity, struct span place, uint64_t weight)
{
    uint64_t drawn = draw(identity, place);

    assert(identity != 0 && weight > 0);
    return minus_log2((drawn >> 11) | 1) / (double)weight;
}

uint32_t sticky_point(uint64_t identity, struct span place, uint32_t below)
{
    assert(identity != 0 && below > 0);
    return (uint32_t)(((draw(identity, place) >> 32) * below) >> 32);
}
