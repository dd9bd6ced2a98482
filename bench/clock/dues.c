#include "dues.h"

#include "base/mem.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000, ROOM_AT_FIRST = 64 };

/* ---- the heap: the earliest is number 1; behind number n are 2n and 2n + 1 ---- */

static struct due *number(const struct dues *dues, uint32_t place)
{
    return dues->heap[place - 1];
}

static void put(struct dues *dues, struct due *due, uint32_t place)
{
    dues->heap[place - 1] = due;
    due->place = place;
}

static void move_up(struct dues *dues, struct due *due)
{
    uint32_t place = due->place;

    while (place > 1 && number(dues, place / 2)->at_ns > due->at_ns) {
        put(dues, number(dues, place / 2), place);
        place /= 2;
    }
    put(dues, due, place);
}

static void move_down(struct dues *dues, struct due *due)
{
    uint32_t place = due->place;

    for (uint32_t next = 2 * place; next <= dues->count; next = 2 * place) {
        if (next < dues->count && number(dues, next + 1)->at_ns < number(dues, next)->at_ns)
            next++;
        if (number(dues, next)->at_ns >= due->at_ns)
            break;
        put(dues, number(dues, next), place);
        place = next;
    }
    put(dues, due, place);
}

void dues_drop(struct dues *dues, struct due *due)
{
    uint32_t place = due->place;
    struct due *last;

    if (!place)
        return;
    assert(number(dues, place) == due);
    last = number(dues, dues->count--);
    due->place = 0;
    if (last == due)
        return;
    put(dues, last, place);
    move_up(dues, last);
    move_down(dues, last);
}

/* ---- the clock ---- */

/* When it goes off too early, because the first has been dropped, nothing is due: that is cheaper than to set
 * it back each time. */
static void set_clock(struct dues *dues)
{
    struct itimerspec when = { 0 };
    uint64_t first_ns;

    if (dues->turn_ns || !dues->count)
        return;
    first_ns = number(dues, 1)->at_ns;
    if (dues->set_ns && dues->set_ns <= first_ns)
        return;
    dues->set_ns = first_ns;
    when.it_value.tv_sec = (time_t)(first_ns / SECOND_NS);
    when.it_value.tv_nsec = (long)(first_ns % SECOND_NS);
    (void)timerfd_settime(dues->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void dues_set(struct dues *dues, struct due *due, uint64_t at_ns)
{
    assert(at_ns > 0 && due->on_due);
    dues_drop(dues, due);
    if (dues->count == dues->room) {
        dues->room = dues->room ? 2 * dues->room : ROOM_AT_FIRST;
        dues->heap = mem_grow(dues->heap, dues->room * sizeof(dues->heap[0]));
    }
    due->at_ns = at_ns > dues->turn_ns ? at_ns : dues->turn_ns + 1;
    put(dues, due, ++dues->count);
    move_up(dues, due);
    set_clock(dues);
}

/* What comes due meanwhile has its turn after those who have sent us something. */
static void on_clock(uv_poll_t *poll, int status, int events)
{
    struct dues *dues = poll->data;
    uint64_t times;

    (void)status;
    (void)events;
    if (read(dues->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        dues->set_ns = 0;
    dues->turn_ns = uv_hrtime();
    while (dues->count && number(dues, 1)->at_ns <= dues->turn_ns) {
        struct due *due = number(dues, 1);

        dues_drop(dues, due);
        due->on_due(due);
    }
    dues->turn_ns = 0;
    set_clock(dues);
}

void dues_init(struct dues *dues, uv_loop_t *loop)
{
    *dues = (struct dues){ .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC) };
    assert(dues->fd >= 0);
    uv_poll_init(loop, &dues->poll, dues->fd);
    dues->poll.data = dues;
    uv_poll_start(&dues->poll, UV_READABLE, on_clock);
}

void dues_close(struct dues *dues)
{
    uv_close((uv_handle_t *)&dues->poll, NULL);
}

void dues_done(struct dues *dues)
{
    (void)close(dues->fd);
    mem_free(dues->heap);
    *dues = (struct dues){ .fd = -1 };
}
