#include "policy/model_switch.h"

enum { MILLION = 1000000 };

const char *model_switch_state_name(enum model_switch_state state)
{
    switch (state) {
    case SWITCH_HOME: return "home";
    case SWITCH_AWAY: return "away";
    case SWITCH_RETURNING: return "returning";
    case SWITCH_ADVISED: return "advised";
    }
    return "unknown";
}

uint32_t model_switch_rate(uint32_t good, uint32_t bad)
{
    uint64_t seen = (uint64_t)good + bad;

    return seen ? (uint32_t)(good * UINT64_C(1000) / seen) : 1000;
}

static bool too_many_fail(const struct model_switch *s, const struct model_switch_rule *rule,
                          uint64_t now_ms, struct model_switch_figures *ret)
{
    struct window_sum sum = window_sum(&s->window, rule->window_ms, now_ms);
    uint64_t seen = (uint64_t)sum.good + sum.bad;

    *ret = (struct model_switch_figures){ sum.good, sum.bad };
    return seen >= rule->min_requests &&
           sum.good * (uint64_t)MILLION < seen * rule->success_threshold;
}

static void enter(struct model_switch *s, enum model_switch_state state, const char *why,
                  struct model_switch_figures figures, uint64_t now_ms)
{
    s->state = state;
    s->why = why;
    s->figures = figures;
    s->since_ms = now_ms;
    s->calm_ms = now_ms;
    s->calm_good = 0;
    if (state != SWITCH_ADVISED) /* all its traffic goes on, and so does the window */
        s->window = (struct window){ 0 };
}

/* ---- leaving ---- */

/* It has not been fine for a whole window since it came back. */
static bool relapses(const struct model_switch *s, const struct model_switch_rule *rule,
                     uint64_t now_ms)
{
    uint64_t proven_ms = (uint64_t)rule->slow_start_ms + rule->window_ms;

    return s->returned_ms && now_ms - s->returned_ms < proven_ms;
}

static bool may_leave(struct model_switch *s, const struct model_switch_rule *rule,
                      uint64_t now_ms)
{
    struct model_switch_figures figures;

    if (!too_many_fail(s, rule, now_ms, &figures))
        return false;
    if (!rule->automatic) {
        enter(s, SWITCH_ADVISED, "its success rate is below success_threshold", figures,
              now_ms);
        return true;
    }
    if (!relapses(s, rule, now_ms))
        s->strikes = 0;
    else if (s->strikes < SWITCH_STRIKES_MAX)
        s->strikes++;
    enter(s, SWITCH_AWAY, "its success rate is below success_threshold", figures, now_ms);
    return true;
}

/* ---- coming back ---- */

uint64_t model_switch_wait_ms(const struct model_switch *s,
                              const struct model_switch_rule *rule, uint64_t now_ms)
{
    uint64_t recover_ms = (uint64_t)rule->recover_ms << s->strikes;
    uint64_t calm_ms = now_ms - s->calm_ms;

    return s->state == SWITCH_AWAY && calm_ms < recover_ms ? recover_ms - calm_ms : 0;
}

static void note(struct model_switch *s, enum switch_fact fact, uint64_t now_ms)
{
    switch (fact) {
    case SWITCH_GOOD_ATTEMPT:
    case SWITCH_GOOD_PROBE: s->calm_good++; break;
    case SWITCH_BAD_ATTEMPT:
    case SWITCH_BAD_PROBE:
        s->calm_ms = now_ms;
        s->calm_good = 0;
        break;
    case SWITCH_BAD_TRIAL:
    case SWITCH_TIME: break;
    }
}

static bool may_return(struct model_switch *s, const struct model_switch_rule *rule,
                       uint64_t now_ms)
{
    struct model_switch_figures figures = { s->calm_good, 0 };

    if (s->calm_good == 0 || model_switch_wait_ms(s, rule, now_ms))
        return false;
    s->returned_ms = now_ms ? now_ms : 1;
    enter(s, rule->slow_start_ms ? SWITCH_RETURNING : SWITCH_HOME,
          "without a failure for long enough", figures, now_ms);
    return true;
}

/* Nobody was sent elsewhere, so single failures among all the traffic are nothing new. */
static bool may_withdraw(struct model_switch *s, const struct model_switch_rule *rule,
                         uint64_t now_ms)
{
    struct model_switch_figures figures;

    if (too_many_fail(s, rule, now_ms, &figures))
        s->calm_ms = now_ms;
    if (now_ms - s->calm_ms < rule->recover_ms)
        return false;
    enter(s, SWITCH_HOME, "its success rate is fine again", figures, now_ms);
    return true;
}

static bool obeys_a_new_rule(struct model_switch *s, const struct model_switch_rule *rule,
                             uint64_t now_ms)
{
    bool allowed = rule->automatic ? s->state != SWITCH_ADVISED : s->state != SWITCH_AWAY;

    if (allowed)
        return false;
    enter(s, SWITCH_HOME, "switching was turned on or off", (struct model_switch_figures){ 0 },
          now_ms);
    return true;
}

/* ---- facts ---- */

bool model_switch_learn(struct model_switch *s, const struct model_switch_rule *rule,
                        enum switch_fact fact, uint64_t now_ms)
{
    bool bad = fact == SWITCH_BAD_ATTEMPT || fact == SWITCH_BAD_TRIAL;

    if (obeys_a_new_rule(s, rule, now_ms))
        return true;
    if (bad || fact == SWITCH_GOOD_ATTEMPT)
        window_add(&s->window, rule->window_ms, now_ms, !bad);
    if (s->state == SWITCH_RETURNING && now_ms - s->since_ms >= rule->slow_start_ms) {
        s->state = SWITCH_HOME;
        s->since_ms = now_ms;
    }
    switch (s->state) {
    case SWITCH_HOME:
    case SWITCH_RETURNING: return bad && may_leave(s, rule, now_ms);
    case SWITCH_AWAY: note(s, fact, now_ms); return may_return(s, rule, now_ms);
    case SWITCH_ADVISED: return may_withdraw(s, rule, now_ms);
    }
    return false;
}

uint32_t model_switch_share(const struct model_switch *s, const struct model_switch_rule *rule,
                            uint64_t now_ms)
{
    uint64_t since_ms = now_ms - s->since_ms;

    if (s->state == SWITCH_HOME || s->state == SWITCH_ADVISED || !rule->automatic)
        return SWITCH_WHOLE;
    if (s->state == SWITCH_AWAY)
        return SWITCH_TRIAL;
    if (since_ms >= rule->slow_start_ms)
        return SWITCH_WHOLE;
    return SWITCH_RETURN +
           (uint32_t)((SWITCH_WHOLE - SWITCH_RETURN) * since_ms / rule->slow_start_ms);
}
