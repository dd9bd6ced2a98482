/* What was put is there after a restart, and after a kill; what cannot be read is put aside. */
#include "ops/store.h"

#include "base/digest.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char folder[64];
    char path[96];
};

static struct place place;

static int make_place(void **state)
{
    (void)state;
    (void)snprintf(place.folder, sizeof(place.folder), "/tmp/sluice-store-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    (void)snprintf(place.path, sizeof(place.path), "%s/sluice.db", place.folder);
    return 0;
}

static int drop_place(void **state)
{
    DIR *folder = opendir(place.folder);
    const struct dirent *entry;
    char path[512];

    (void)state;
    while ((entry = readdir(folder)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", place.folder, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(folder);
    return rmdir(place.folder);
}

/* ---- a store on a loop ---- */

struct house {
    struct loop *loop;
    struct store *store;
    char error[256];
    char note[256];
};

static bool enter(struct house *house)
{
    house->loop = loop_new();
    house->store = store_open(house->loop, place.folder, house->error, house->note);
    if (house->store == NULL)
        loop_free(house->loop);
    return house->store != NULL;
}

static void leave(struct house *house)
{
    store_close(house->store);
    loop_free(house->loop);
}

static void put(struct house *house, const char *name, const char *value)
{
    store_put(house->store, STORE_CHANGE, span_from(name), span_from(value));
}

struct waiter {
    struct task task;
    struct store_wait wait;
    struct house *house;
    uint64_t mark;
    enum store_fate fate;
};

static void on_written(struct task *task)
{
    struct waiter *waiter = LIST_OWNER(task, struct waiter, task);

    waiter->fate = store_fate(waiter->house->store, waiter->mark);
    if (waiter->fate == STORE_PENDING)
        store_wait(waiter->house->store, &waiter->wait);
    else
        loop_stop(waiter->house->loop);
}

/* Runs the loop until everything put so far is written, or is not going to be. */
static enum store_fate await_fate(struct house *house)
{
    struct waiter waiter = { .house = house, .mark = store_mark(house->store) };

    task_init(&waiter.task, house->loop, on_written);
    waiter.wait.task = &waiter.task;
    store_wait(house->store, &waiter.wait);
    task_alarm(&waiter.task, loop_now_ms(house->loop) + 10000); /* keeps the loop alive */
    loop_run(house->loop);
    task_done(&waiter.task);
    store_wait_no_more(&waiter.wait);
    return waiter.fate;
}

static void note(void *context, struct span name, struct span value)
{
    char *text = context;

    (void)snprintf(text + strlen(text), 256 - strlen(text), "%.*s=%.*s;", SPAN_ARG(name),
                   SPAN_ARG(value));
}

static void assert_holds(struct house *house, const char *expected)
{
    char text[256] = "";

    store_load(house->store, STORE_CHANGE, note, text);
    assert_string_equal(text, expected);
}

/* ---- the tests ---- */

static void test_what_was_put_is_there_after_a_restart(void **state)
{
    struct house house;

    (void)state;
    assert_true(enter(&house));
    assert_string_equal(house.note, "");
    put(&house, "b", "1");
    put(&house, "a", "2");
    put(&house, "c", "3");
    store_drop(house.store, STORE_CHANGE, SPAN_OF("c"));
    store_put(house.store, STORE_EVENT, SPAN_OF("a"), SPAN_OF("of another kind"));
    put(&house, "b", "4");
    leave(&house);
    assert_true(enter(&house));
    assert_holds(&house, "a=2;b=4;");
    leave(&house);
}

static void test_a_mark_tells_when_it_is_on_the_disk(void **state)
{
    struct house house;

    (void)state;
    assert_true(enter(&house));
    assert_int_equal(store_fate(house.store, store_mark(house.store)), STORE_DURABLE);
    put(&house, "a", "1");
    assert_int_equal(store_fate(house.store, store_mark(house.store)), STORE_PENDING);
    assert_int_equal(await_fate(&house), STORE_DURABLE);
    put(&house, "a", "2");
    assert_int_equal(store_fate(house.store, store_mark(house.store) - 1), STORE_DURABLE);
    assert_int_equal(await_fate(&house), STORE_DURABLE);
    assert_string_equal(store_problem(house.store), "");
    leave(&house);
}

static void test_it_belongs_to_one_process(void **state)
{
    struct house house;
    struct house second;

    (void)state;
    assert_true(enter(&house));
    put(&house, "a", "1");
    assert_int_equal(await_fate(&house), STORE_DURABLE);
    assert_false(enter(&second));
    assert_non_null(strstr(second.error, "another sluice uses it"));
    leave(&house);
    assert_true(enter(&second));
    leave(&second);
}

static void test_an_unreadable_file_is_put_aside(void **state)
{
    struct house house;
    FILE *file;

    (void)state;
    file = fopen(place.path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("this is no database at all", file);
    (void)fclose(file);
    assert_true(enter(&house));
    assert_non_null(strstr(house.note, "put aside"));
    assert_holds(&house, "");
    put(&house, "a", "1");
    leave(&house);
    assert_true(enter(&house));
    assert_holds(&house, "a=1;");
    leave(&house);
}

static void test_a_folder_that_cannot_be_is_refused(void **state)
{
    struct loop *loop = loop_new();
    char error[256];
    char report[256];

    (void)state;
    assert_null(store_open(loop, "/proc/no/such/folder", error, report));
    assert_non_null(strstr(error, "/proc/no/such/folder"));
    loop_free(loop);
}

/* Puts 1, 2, 3 … under one name and tells the pipe each that is durable, until it is killed. */
static void write_for_ever(int out)
{
    struct house house;
    char value[32];

    if (!enter(&house))
        _exit(1);
    for (uint32_t i = 1;; i++) {
        (void)snprintf(value, sizeof(value), "%u", i);
        put(&house, "n", value);
        if (await_fate(&house) != STORE_DURABLE || write(out, &i, sizeof(i)) != sizeof(i))
            _exit(2);
    }
}

static void keep_number(void *context, struct span name, struct span value)
{
    uint64_t *number = context;

    (void)name;
    assert_true(span_u64(value, number));
}

/* Kills it somewhere in the write that follows the one of that number. */
static uint32_t kill_after(uint32_t number)
{
    uint32_t told = 0;
    uint32_t next;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        write_for_ever(ends[1]);
    }
    (void)close(ends[1]);
    while (told < number && read(ends[0], &next, sizeof(next)) == sizeof(next))
        told = next;
    (void)kill(child, SIGKILL);
    while (read(ends[0], &next, sizeof(next)) == sizeof(next))
        told = next;
    (void)close(ends[0]);
    (void)waitpid(child, NULL, 0);
    return told;
}

static void test_two_hundred_kills_lose_nothing_that_was_durable(void **state)
{
    uint32_t most = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct house house;
        uint64_t number = 0;
        uint8_t writes;
        uint32_t told;

        random_bytes(&writes, sizeof(writes));
        told = kill_after(writes % 16u);
        assert_true(enter(&house));
        assert_string_equal(house.note, "");
        store_load(house.store, STORE_CHANGE, keep_number, &number);
        assert_true(told == 0 || number == told || number == told + 1);
        most = told > most ? told : most;
        leave(&house);
    }
    assert_true(most > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_put_is_there_after_a_restart, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_a_mark_tells_when_it_is_on_the_disk, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_it_belongs_to_one_process, make_place, drop_place),
        cmocka_unit_test_setup_teardown(test_an_unreadable_file_is_put_aside, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_a_folder_that_cannot_be_is_refused, NULL, NULL),
        cmocka_unit_test_setup_teardown(test_two_hundred_kills_lose_nothing_that_was_durable,
                                        make_place, drop_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
