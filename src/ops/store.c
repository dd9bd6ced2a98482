/* store: the loop collects, the worker's thread writes.
 *
 *     loop     batch "collecting"  --swap when the worker is idle-->  batch "writing"     thread
 *              put, drop append records                               one transaction
 */
#include "ops/store.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ERROR_BYTES = 256,
    PATH_BYTES = 4096,
    FORMAT = 1 /* of the file: PRAGMA user_version */
};

/* One write. Its name and its value follow it. */
struct record {
    enum store_kind kind;
    bool drop;
    size_t name_size;
    size_t value_size;
};

struct batch {
    struct buf records;
    uint64_t last; /* number of its last write; 0: it is empty */
    bool failed;
    char problem[ERROR_BYTES];
};

struct store {
    sqlite3 *db; /* the thread's, once something was put */
    sqlite3_stmt *put;
    sqlite3_stmt *drop;
    struct worker *worker;
    struct task task; /* a batch was written, or there is something to write */
    struct batch batches[2];
    struct batch *collecting;
    struct batch *writing; /* NULL: none */
    uint64_t given;        /* number of the newest write */
    uint64_t settled;      /* all up to this one were written, or have failed */
    uint64_t failed_first; /* of the last batch that failed; 0: none has */
    uint64_t failed_last;
    struct list waits;
    char problem[ERROR_BYTES];
};

/* ---- the file ---- */

static bool execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int read_format(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int format = -1;

    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        format = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return format;
}

/* Exclusive locking keeps other processes out, and the index of the log in our own memory, so that network
 * file systems will do. */
static bool set_up(sqlite3 *db)
{
    return execute(db, "PRAGMA locking_mode = EXCLUSIVE") &&
           execute(db, "PRAGMA journal_mode = WAL") &&
           execute(db, "PRAGMA synchronous = FULL") && execute(db, "BEGIN IMMEDIATE") &&
           execute(db, "CREATE TABLE IF NOT EXISTS facts (kind INTEGER NOT NULL, name BLOB NOT "
                       "NULL, value BLOB NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID") &&
           execute(db, "PRAGMA user_version = 1") && execute(db, "COMMIT");
}

static bool prepare(struct store *store)
{
    return sqlite3_prepare_v2(store->db, "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", -1,
                              &store->put, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(store->db, "DELETE FROM facts WHERE kind = ? AND name = ?", -1,
                              &store->drop, NULL) == SQLITE_OK;
}

static void close_file(struct store *store)
{
    (void)sqlite3_finalize(store->put);
    (void)sqlite3_finalize(store->drop);
    (void)sqlite3_close(store->db);
    store->put = NULL;
    store->drop = NULL;
    store->db = NULL;
}

/* SQLITE_OK, or why not, with a sentence in ret_error. */
static int open_file(struct store *store, const char *path, char *ret_error)
{
    int code =
        sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    int format = code == SQLITE_OK ? read_format(store->db) : -1;

    if (format > FORMAT) {
        (void)snprintf(ret_error, ERROR_BYTES,
                       "%s was written by a newer sluice (format %d, this one knows %d)", path,
                       format, FORMAT);
        return SQLITE_MISMATCH;
    }
    if (format >= 0 && set_up(store->db) && prepare(store))
        return SQLITE_OK;
    code = sqlite3_errcode(store->db);
    (void)snprintf(ret_error, ERROR_BYTES, "%s: %s", path,
                   code == SQLITE_BUSY ? "another sluice uses it; give each its own state.path"
                                       : sqlite3_errmsg(store->db));
    return code == SQLITE_OK ? SQLITE_ERROR : code;
}

/* Names it after the time, so that whoever wants to can look into it. */
static void put_aside(const char *path, char *ret_note)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    unsigned long long now_s = clock_wall_ms() / 1000;
    struct arena names;

    arena_init(&names);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        (void)rename(arena_printf(&names, "%s%s", path, ends[i]),
                     arena_printf(&names, "%s.unreadable-%llu%s", path, now_s, ends[i]));
    (void)snprintf(ret_note, ERROR_BYTES,
                   "%.100s could not be read and was put aside as .unreadable-%llu", path,
                   now_s);
    arena_done(&names);
}

static bool open_or_begin_anew(struct store *store, const char *path, char *ret_error,
                               char *ret_note)
{
    int code = open_file(store, path, ret_error);

    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
        close_file(store);
        put_aside(path, ret_note);
        code = open_file(store, path, ret_error);
    }
    return code == SQLITE_OK;
}

/* ---- on the thread ---- */

static bool bind(sqlite3_stmt *statement, const struct record *record, const char *bytes)
{
    (void)sqlite3_bind_int(statement, 1, (int)record->kind);
    (void)sqlite3_bind_blob64(statement, 2, bytes, record->name_size, SQLITE_STATIC);
    return record->drop || sqlite3_bind_blob64(statement, 3, bytes + record->name_size,
                                               record->value_size, SQLITE_STATIC) == SQLITE_OK;
}

static bool write_record(struct store *store, const struct record *record, const char *bytes)
{
    sqlite3_stmt *statement = record->drop ? store->drop : store->put;
    bool good = bind(statement, record, bytes) && sqlite3_step(statement) == SQLITE_DONE;

    (void)sqlite3_reset(statement);
    return good;
}

static bool write_records(struct store *store, struct span records)
{
    struct record record;

    for (; records.size >= sizeof(record);
         records = span_skip(records, record.name_size + record.value_size)) {
        memcpy(&record, records.at, sizeof(record));
        records = span_skip(records, sizeof(record));
        if (!write_record(store, &record, records.at))
            return false;
    }
    return true;
}

static void write_batch(void *context)
{
    struct store *store = context;
    struct batch *batch = store->writing;

    batch->failed = batch->records.overflowed || !execute(store->db, "BEGIN IMMEDIATE") ||
                    !write_records(store, buf_span(&batch->records)) ||
                    !execute(store->db, "COMMIT");
    if (!batch->failed)
        return;
    (void)snprintf(batch->problem, ERROR_BYTES, "%s",
                   batch->records.overflowed ? "too much at once" : sqlite3_errmsg(store->db));
    if (!sqlite3_get_autocommit(store->db))
        (void)execute(store->db, "ROLLBACK");
}

/* ---- on the loop ---- */

static void wake_waiting(struct store *store)
{
    struct list *link;

    while ((link = list_take_first(&store->waits)) != NULL)
        task_wake(LIST_OWNER(link, struct store_wait, link)->task);
}

static void settle(struct store *store)
{
    struct batch *batch = store->writing;

    if (batch->failed) {
        store->failed_first = store->settled + 1;
        store->failed_last = batch->last;
        memcpy(store->problem, batch->problem, ERROR_BYTES);
    } else {
        store->problem[0] = 0;
    }
    store->settled = batch->last;
    batch->last = 0;
    batch->failed = false;
    buf_wipe(&batch->records); /* changes may hold keys */
    store->writing = NULL;
    wake_waiting(store);
}

static void begin_writing(struct store *store)
{
    store->writing = store->collecting;
    store->collecting = store->writing == store->batches ? &store->batches[1] : store->batches;
    buf_init(&store->collecting->records, LIMIT_STORE_BATCH_BYTES);
    worker_run(store->worker, write_batch, store);
}

static void run(struct task *task)
{
    struct store *store = LIST_OWNER(task, struct store, task);

    if (!worker_idle(store->worker))
        return;
    if (store->writing)
        settle(store);
    if (store->collecting->last)
        begin_writing(store);
}

static void give(struct store *store, struct record record, struct span name, struct span value)
{
    struct buf *records = &store->collecting->records;

    record.name_size = name.size;
    record.value_size = value.size;
    store->collecting->last = ++store->given;
    if (buf_left(records) < sizeof(record) + name.size + value.size)
        records->overflowed = true;
    if (records->overflowed)
        return;
    (void)buf_append(records, &record, sizeof(record));
    (void)buf_add(records, name);
    (void)buf_add(records, value);
    task_wake(&store->task);
}

void store_put(struct store *store, enum store_kind kind, struct span name, struct span value)
{
    give(store, (struct record){ .kind = kind }, name, value);
}

void store_drop(struct store *store, enum store_kind kind, struct span name)
{
    give(store, (struct record){ .kind = kind, .drop = true }, name, span_make(NULL, 0));
}

uint64_t store_mark(const struct store *store)
{
    return store->given;
}

enum store_fate store_fate(const struct store *store, uint64_t mark)
{
    if (mark > store->settled)
        return STORE_PENDING;
    return mark && mark >= store->failed_first && mark <= store->failed_last ? STORE_FAILED
                                                                             : STORE_DURABLE;
}

void store_wait(struct store *store, struct store_wait *wait)
{
    if (!list_linked(&wait->link))
        list_append(&store->waits, &wait->link);
}

void store_wait_no_more(struct store_wait *wait)
{
    list_remove(&wait->link);
}

const char *store_problem(const struct store *store)
{
    return store->problem;
}

/* ---- reading ---- */

static struct span column(sqlite3_stmt *statement, int at)
{
    const char *bytes = sqlite3_column_blob(statement, at);

    return span_make(bytes, bytes ? (size_t)sqlite3_column_bytes(statement, at) : 0);
}

void store_load(struct store *store, enum store_kind kind, store_fact_fn each, void *context)
{
    sqlite3_stmt *statement = NULL;

    assert(store->given == 0);
    if (sqlite3_prepare_v2(store->db,
                           "SELECT name, value FROM facts WHERE kind = ? ORDER BY name", -1,
                           &statement, NULL) != SQLITE_OK)
        return;
    (void)sqlite3_bind_int(statement, 1, (int)kind);
    while (sqlite3_step(statement) == SQLITE_ROW)
        each(context, column(statement, 0), column(statement, 1));
    (void)sqlite3_finalize(statement);
}

/* ---- life ---- */

static bool make_folder(const char *folder, char *ret_error)
{
    struct stat there;

    if (mkdir(folder, 0700) == 0 || (stat(folder, &there) == 0 && S_ISDIR(there.st_mode)))
        return true;
    (void)snprintf(ret_error, ERROR_BYTES,
                   "%.150s: %s; make the folder, or set another "
                   "state.path",
                   folder, strerror(errno));
    return false;
}

struct store *store_open(struct loop *loop, const char *folder, char *ret_error, char *ret_note)
{
    struct store *store = mem_zero(sizeof(*store));
    mode_t mask = umask(077);
    char path[PATH_BYTES];
    bool good;

    ret_note[0] = 0;
    (void)snprintf(path, sizeof(path), "%s/sluice.db", folder);
    good =
        make_folder(folder, ret_error) && open_or_begin_anew(store, path, ret_error, ret_note);
    (void)umask(mask);
    if (!good) {
        close_file(store);
        mem_free(store);
        return NULL;
    }
    list_init(&store->waits);
    store->collecting = store->batches;
    buf_init(&store->collecting->records, LIMIT_STORE_BATCH_BYTES);
    task_init(&store->task, loop, run);
    store->worker = worker_new(loop, &store->task);
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    worker_free(store->worker);
    if (store->writing)
        settle(store);
    if (store->collecting->last) {
        store->writing = store->collecting;
        write_batch(store);
        settle(store);
    }
    for (size_t i = 0; i < 2; i++)
        buf_done(&store->batches[i].records);
    task_done(&store->task);
    close_file(store);
    mem_free(store);
}
