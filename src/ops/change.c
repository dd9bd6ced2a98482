/* change: from what was asked for to what is in force.
 *
 *     waiting --> build: file or source + changes --> save --> put_in_force --> tell --> saved --> finish
 */
#include "ops/change.h"

#include "base/mem.h"
#include "config/config_changes.h"
#include "net/listen.h"
#include "net/tls.h"
#include "ops/change_told.h"
#include "ops/gateway.h"
#include "ops/source.h"
#include "ops/state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ERROR_BYTES = 256, REPORT_BYTES = 256 * 1024 };

enum step { STEP_WAITING, STEP_SAVING, STEP_TELLING, STEP_OVER };

struct change {
    struct list link; /* in changes->waiting */
    struct task task;
    struct gateway *gateway;
    enum step step;
    enum change_fate fate;
    bool left;         /* nobody will look at it any more */
    struct task *then; /* NULL: nobody waits */

    /* what is asked for */
    bool read_file;
    struct arena arena; /* of the request */
    struct event event;
    struct event *each; /* in its place: one for each of the models */
    size_t each_count;
    void (*applied)(struct gateway *gateway, const char *model);
    struct config_changes edits; /* an empty value: what the file says, again */

    /* what becomes of it */
    struct config_changes next;
    struct config *config; /* checked, not yet in force */
    struct buf report;
    struct store_wait wait;
    uint64_t mark;
};

struct changes {
    struct gateway *gateway;
    struct config_changes in_force;
    struct list waiting;
    struct change *running;
};

/* ---- reading and checking ---- */

static void apply_edits(struct change *change)
{
    for (size_t i = 0; i < change->edits.count; i++) {
        struct span path = span_from(change->edits.items[i].path);
        struct span value = span_from(change->edits.items[i].value);

        if (value.size)
            config_changes_put(&change->next, path, value, span_make(NULL, 0));
        else
            config_changes_drop(&change->next, path);
    }
}

/* A listener's address is bound at start, the store is opened there. */
static bool same_place(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *needs_restart(const struct config *a, const struct config *b)
{
    if (strcmp(a->listen, b->listen) != 0 || !same_place(a->admin.listen, b->admin.listen) ||
        !a->tls.certificate != !b->tls.certificate)
        return "`listen`, `admin.listen`, and TLS on or off, need a restart";
    if (!same_place(a->state_path, b->state_path))
        return "`state.path` needs a restart";
    return NULL;
}

static bool build(struct change *change)
{
    struct gateway *gateway = change->gateway;
    struct config_report report;
    const char *problem;

    if (change->read_file && gateway->env.config->file == NULL) {
        (void)buf_add_text(&change->report, "there is no configuration file to read again");
        return false;
    }
    if (change->read_file)
        gateway->file_stamp = source_stamp(gateway->env.config->file);
    config_report_init(&report);
    change->config = change->read_file
                         ? source_read_file(gateway->env.config, &change->next, &report)
                         : source_read_again(gateway->env.config, &change->next, &report);
    (void)buf_add(&change->report, buf_span(&report.text));
    config_report_done(&report);
    if (change->config == NULL)
        return false;
    problem = needs_restart(gateway->env.config, change->config);
    if (problem)
        (void)buf_add_text(&change->report, problem);
    return problem == NULL;
}

/* ---- in force ---- */

static bool put_in_force(struct change *change)
{
    struct gateway *gateway = change->gateway;
    struct config *config = change->config;
    struct config *old = gateway->env.config;
    char error[ERROR_BYTES] = "";
    struct tls *tls = NULL;
    bool good = true;

    if (config->tls.certificate) {
        tls = tls_new(config->tls.certificate, config->tls.key, config->tls.client_ca, error);
        good = tls != NULL;
    }
    if (good) {
        gateway->env.config = config;
        good = gateway_apply(gateway, error);
    }
    if (!good) {
        gateway->env.config = old;
        (void)buf_add_text(&change->report, error);
    } else if (tls) {
        listener_set_tls(gateway->main.listener, tls);
    }
    tls_unref(tls);
    if (!good)
        return false;
    change->config = NULL;
    config_unref(old);
    return true;
}

static void remember(struct change *change)
{
    struct changes *changes = change->gateway->changes;

    config_changes_done(&changes->in_force);
    changes->in_force = change->next;
    change->next = (struct config_changes){ 0 };
}

static void apply(struct change *change)
{
    for (size_t i = 0; i < change->each_count && change->applied; i++)
        change->applied(change->gateway, change->each[i].model);
}

static void tell_changed(struct change *change)
{
    for (size_t i = 0; i < change->each_count; i++)
        change_tell(change->gateway, &change->each[i]);
    if (change->each_count == 0)
        change_tell(change->gateway, &change->event);
}

/* ---- steps ---- */

static void release(struct change *change)
{
    task_done(&change->task);
    store_wait_no_more(&change->wait);
    list_remove(&change->link);
    config_changes_done(&change->next);
    config_changes_done(&change->edits);
    config_unref(change->config);
    buf_done(&change->report);
    arena_done(&change->arena);
    mem_free(change);
}

static void finish(struct change *change, enum change_fate fate)
{
    struct changes *changes = change->gateway->changes;
    struct list *next;

    change->step = STEP_OVER;
    change->fate = fate;
    if (changes->running == change)
        changes->running = NULL;
    next = list_take_first(&changes->waiting);
    if (next)
        task_wake(&LIST_OWNER(next, struct change, link)->task);
    if (change->then)
        task_wake(change->then);
    if (change->left)
        release(change);
}

static void refuse(struct change *change)
{
    if (change->read_file)
        change_tell_refused(change->gateway, change->event.actor, buf_span(&change->report));
    finish(change, CHANGE_REFUSED);
}

/* True once the store has everything that was put before `mark`, or has failed to take it. */
static bool settled(struct change *change, enum store_fate *ret)
{
    struct store *store = state_store(change->gateway->state);

    *ret = store ? store_fate(store, change->mark) : STORE_DURABLE;
    if (*ret == STORE_PENDING)
        store_wait(store, &change->wait);
    return *ret != STORE_PENDING;
}

static void mark(struct change *change)
{
    struct store *store = state_store(change->gateway->state);

    change->mark = store ? store_mark(store) : 0;
}

static void begin(struct change *change)
{
    struct changes *changes = change->gateway->changes;

    if (changes->running) {
        list_append(&changes->waiting, &change->link);
        return;
    }
    changes->running = change;
    config_changes_copy(&changes->in_force, &change->next);
    apply_edits(change);
    if (change->next.count > LIMIT_CONFIG_CHANGES) {
        (void)buf_add_text(&change->report, "too many settings were changed; put them into the "
                                            "file");
        refuse(change);
        return;
    }
    if (!build(change)) {
        refuse(change);
        return;
    }
    if (change->read_file)
        change_tell_over(change->gateway, &change->next, change->event.actor);
    config_changes_prune(&change->next);
    state_save_changes(change->gateway->state, &changes->in_force, &change->next);
    mark(change);
    change->step = STEP_SAVING;
    task_wake(&change->task);
}

static void save(struct change *change)
{
    uint64_t generation = change->gateway->env.config->generation;
    enum store_fate fate;

    if (!settled(change, &fate))
        return;
    if (fate == STORE_FAILED) {
        (void)buf_printf(&change->report, "it could not be saved (state.path): %s",
                         store_problem(state_store(change->gateway->state)));
        finish(change, CHANGE_NOT_SAVED);
        return;
    }
    if (!put_in_force(change)) {
        refuse(change);
        return;
    }
    remember(change);
    apply(change);
    if (change->read_file)
        change_tell_reload(change->gateway, change->event.actor, buf_span(&change->report),
                           generation);
    else
        tell_changed(change);
    state_save_events(change->gateway->state);
    mark(change);
    change->step = STEP_TELLING;
    task_wake(&change->task);
}

static void run(struct task *task)
{
    struct change *change = LIST_OWNER(task, struct change, task);
    enum store_fate fate;

    switch (change->step) {
    case STEP_WAITING: begin(change); break;
    case STEP_SAVING: save(change); break;
    case STEP_TELLING:
        if (settled(change, &fate))
            finish(change, CHANGE_IN_FORCE);
        break;
    case STEP_OVER: break;
    }
}

/* ---- asking ---- */

static const char *own(struct change *change, const char *text)
{
    return text ? arena_text(&change->arena, span_from(text)) : NULL;
}

static void keep_models(struct change *change, const struct change_of_model *models)
{
    change->each = arena_zero(&change->arena, CHANGE_EDITS_MAX * sizeof(struct event));
    for (size_t i = 0; i < CHANGE_EDITS_MAX && models[i].model; i++) {
        struct event *event = &change->each[change->each_count++];

        *event = change->event;
        event->model = own(change, models[i].model);
        event->from = own(change, models[i].from);
        event->to = own(change, models[i].to);
    }
}

static void keep_request(struct change *change, const struct change_request *request)
{
    struct event *event = &change->event;

    for (size_t i = 0; i < CHANGE_EDITS_MAX && request->edits[i].path; i++)
        config_changes_put(
            &change->edits, span_from(request->edits[i].path),
            span_make(request->edits[i].value ? request->edits[i].value : "",
                      request->edits[i].value ? strlen(request->edits[i].value) : 0),
            span_make(NULL, 0));
    *event = request->event;
    event->model = own(change, event->model);
    event->target = own(change, event->target);
    event->provider = own(change, event->provider);
    event->key = own(change, event->key);
    event->from = own(change, event->from);
    event->to = own(change, event->to);
    event->actor = own(change, event->actor);
    event->reason = arena_copy(&change->arena, event->reason);
    keep_models(change, request->models);
    change->applied = request->applied;
}

struct change *change_start(struct gateway *gateway, const struct change_request *request,
                            struct task *then)
{
    struct change *change = mem_zero(sizeof(*change));

    change->gateway = gateway;
    change->then = then;
    arena_init(&change->arena);
    keep_request(change, request);
    buf_init(&change->report, REPORT_BYTES);
    task_init(&change->task, gateway->loop, run);
    change->wait.task = &change->task;
    task_wake(&change->task);
    return change;
}

struct change *change_reload(struct gateway *gateway, const char *actor, struct task *then)
{
    const struct change_request request = { .event = { .actor = actor } };
    struct change *change = change_start(gateway, &request, then);

    change->read_file = true;
    return change;
}

bool changes_hold(const struct changes *changes, const char *path)
{
    return config_changes_find(&changes->in_force, span_from(path)) != NULL;
}

enum change_fate change_fate(const struct change *change)
{
    return change->fate;
}

struct span change_report(const struct change *change)
{
    return buf_span(&change->report);
}

void change_leave(struct change *change)
{
    if (change == NULL)
        return;
    change->left = true;
    change->then = NULL;
    if (change->step == STEP_OVER)
        release(change);
}

/* ---- life ---- */

/* The changes that a file edited meanwhile has overtaken. */
static void forget_over(struct changes *changes)
{
    struct config_changes kept;

    config_changes_copy(&changes->in_force, &kept);
    change_tell_over(changes->gateway, &kept, "start");
    config_changes_prune(&kept);
    state_save_changes(changes->gateway->state, &changes->in_force, &kept);
    config_changes_done(&changes->in_force);
    changes->in_force = kept;
}

struct changes *changes_new(struct gateway *gateway)
{
    struct changes *changes = mem_zero(sizeof(*changes));
    struct config *with_changes = NULL;
    struct config_report report;

    changes->gateway = gateway;
    list_init(&changes->waiting);
    state_load_changes(gateway->state, &changes->in_force);
    if (changes->in_force.count == 0)
        return changes;
    config_report_init(&report);
    with_changes = source_sift(gateway->env.config, &changes->in_force, &report);
    if (with_changes) {
        config_unref(gateway->env.config);
        gateway->env.config = with_changes;
    }
    forget_over(changes);
    config_report_done(&report);
    return changes;
}

void changes_free(struct changes *changes)
{
    struct list *link;

    if (changes == NULL)
        return;
    while ((link = list_take_first(&changes->waiting)) != NULL)
        release(LIST_OWNER(link, struct change, link));
    if (changes->running)
        release(changes->running);
    config_changes_done(&changes->in_force);
    mem_free(changes);
}
