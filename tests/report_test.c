/*
 * report_test.c - the story that a run is told as, and the page that it is written on.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/report_html.h"
#include "cmd/squall.h"
#include "cmd/story.h"
#include "cmd/story_fate.h"
#include "tests/sim_machine.h"

enum { SECONDS_MAX = 20, EVENTS = 20000 };

struct desk {
    struct scenario *scenario;
    struct story *story;
    struct run_options options;
};

static int open_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    const char *root = getenv("SQUALL_ROOT");
    char path[1024], message[SCENARIO_MESSAGE_BYTES];

    assert_non_null(desk);
    (void)snprintf(path, sizeof path, "%s/scenarios/canary.ini", root != NULL ? root : ".");
    desk->scenario = scenario_load(path, message);
    if (desk->scenario == NULL) fail_msg("%s", message);
    desk->story = story_create();
    assert_non_null(desk->story);
    desk->options = (struct run_options){.seed = 3, .images = 8};
    *state = desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;

    scenario_free(desk->scenario);
    story_destroy(desk->story);
    free(desk);
    return 0;
}

static void collect(struct desk *desk)
{
    const struct story_request request = {.token = "canary:3",
                                          .replay = "./squall replay canary:3",
                                          .scenario = desk->scenario,
                                          .options = &desk->options};
    const char *wrong = story_collect(desk->story, &request);

    if (wrong != NULL) fail_msg("%s", wrong);
}

/* To be freed. */
static char *page_of(const struct story *story)
{
    char *page = NULL;
    size_t size;
    FILE *out = open_memstream(&page, &size);

    assert_non_null(out);
    report_html_write(out, story);
    fclose(out);
    char *copy = strdup(page);
    free(page);
    assert_non_null(copy);
    return copy;
}

static void holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("'%s' is not in: %.400s", part, text);
}

static void lacks(const char *text, const char *part)
{
    const char *at = strstr(text, part);

    if (at != NULL) fail_msg("'%s' is in it: %.200s", part, at);
}

/* ---- The story ---- */

static void the_canarys_story_names_the_record_the_lie_and_the_loss(void **state)
{
    static const char *const titles[] = {"handed over",  "accepted",   "written", "synced, falsely",
                                         "acknowledged", "power lost", "recovery"};
    struct desk *desk = *state;
    const struct story *story = desk->story;

    collect(desk);
    assert_true(story->ended);
    assert_string_equal(story->result.property->name, "durability");
    assert_true(story->record_count > 0);
    const struct story_record *record = &story->records[0];
    assert_int_equal(record->lsn, 1);
    assert_string_equal(record->place.file, "0000000000000001.wal");
    assert_int_equal(record->step_count, sizeof titles / sizeof titles[0]);
    for (uint32_t i = 0; i < record->step_count; i++) {
        assert_string_equal(record->steps[i].title, titles[i]);
        assert_true(i == 0 || record->steps[i].time_ns >= record->steps[i - 1].time_ns);
        assert_true(record->steps[i].event < story->event_count);
    }
    holds(record->steps[3].text, "F40 fsync-lies");
    holds(record->steps[5].text, "is lost");
    holds(record->steps[6].text, "it is missing");
    holds(story->promised, story->result.property->claim);
    holds(story->happened, "F40 fsync-lies");
    holds(story->wrong, "ecovery ended before");
}

static void the_row_that_broke_is_a_recovery_behind_the_loss_of_power(void **state)
{
    struct desk *desk = *state;
    const struct story *story = desk->story;

    collect(desk);
    assert_int_not_equal(story->broken_fact, STORY_NONE);
    assert_int_not_equal(story->broken_stop, STORY_NONE);
    const struct story_fact *fact = &story->facts[story->broken_fact];
    const struct story_stop *stop = &story->stops[story->broken_stop];
    assert_int_equal(fact->row.kind, HISTORY_OBSERVED);
    assert_true(fact->row.observation->recovery);
    assert_int_equal(stop->how, SIM_STOP_POWER);
    assert_true(stop->facts <= story->broken_fact);
    assert_int_equal(stop->instance + 1, fact->row.instance);
    assert_true(stop->has_after);
}

static void a_story_is_that_of_its_reproducer(void **state)
{
    struct desk *desk = *state;
    char path[] = "/tmp/squall-report-XXXXXX", message[CASE_MESSAGE_BYTES];
    struct run_case run_case = {.seed = 0};
    struct story *again = story_create();

    collect(desk);
    int file = mkstemp(path);
    assert_true(file >= 0);
    size_t len = strlen(desk->story->case_text);
    assert_int_equal(write(file, desk->story->case_text, len), (ssize_t)len);
    close(file);
    bool loaded = case_load(path, &run_case, message);
    unlink(path);
    if (!loaded) fail_msg("%s", message);
    const struct story_request request = {
        .token = "a.repro", .replay = "./squall replay a.repro", .run_case = &run_case};
    assert_null(story_collect(again, &request));
    assert_int_equal(again->event_count, desk->story->event_count);
    assert_int_equal(again->fact_count, desk->story->fact_count);
    assert_string_equal(again->happened, desk->story->happened);
    case_free(&run_case);
    story_destroy(again);
}

static bool die(void *context, struct runner *runner)
{
    (void)context, (void)runner;
    fputs("these were its last words\n", stderr);
    abort();
}

static void a_run_that_dies_leaves_what_it_did(void **state)
{
    struct desk *desk = *state;
    const struct story *story = desk->story;

    desk->options.at_power_loss = die;
    collect(desk);
    assert_false(story->ended);
    holds(story->wrong, "killed by SIGABRT");
    holds(story->wrong, "these were its last words");
    assert_true(story->event_count > 50);
    assert_int_equal(story->stop_count, 1);
    char *page = page_of(story);
    holds(page, "\"broken\":true");
    holds(page, "killed by SIGABRT");
    free(page);
}

static void a_run_that_holds_is_told_as_such(void **state)
{
    struct desk *desk = *state;

    desk->options.faults_without = (const uint8_t[FAULT_NUMBER_COUNT]){[40] = 1};
    collect(desk);
    assert_true(desk->story->ended);
    assert_null(desk->story->result.property);
    assert_int_equal(desk->story->record_count, 0);
    char *page = page_of(desk->story);
    holds(page, "\"broken\":false");
    free(page);
}

/* ---- Sectors ---- */

struct fate_row {
    const char *name;
    const char *now, *durable, *after; /* What fills the sector; NULL: the file ends before. */
    bool gone;                         /* The file is, afterwards. */
    bool damaged;                      /* Somebody saw to it. */
    enum story_fate fate;
};

static const struct fate_row fate_rows[] = {
    {"safe", "n", "n", "n", false, false, STORY_FATE_SAFE},
    {"kept", "n", "o", "n", false, false, STORY_FATE_KEPT},
    {"kept beyond the safe size", "n", NULL, "n", false, false, STORY_FATE_KEPT},
    {"lost", "n", "o", "o", false, false, STORY_FATE_LOST},
    {"cut off", "n", NULL, NULL, false, false, STORY_FATE_GONE},
    {"zeros", "n", "o", "", false, false, STORY_FATE_ZERO},
    {"torn", "n", "o", "no", false, false, STORY_FATE_TORN},
    {"garbage", "n", "o", "x", false, false, STORY_FATE_OTHER},
    {"damaged", "n", "n", "x", false, true, STORY_FATE_DAMAGED},
    {"cut off, and back", NULL, NULL, "x", false, false, STORY_FATE_BACK},
    {"nothing", NULL, NULL, NULL, false, false, STORY_FATE_NOTHING},
    {"gone with its file", "n", "n", NULL, true, false, STORY_FATE_NAMELESS},
};

/* "no": the first half of one, the second of the other. */
static const uint8_t *filled(const char *with, uint8_t bytes[STORY_SECTOR_BYTES])
{
    if (with == NULL) return NULL;
    memset(bytes, with[0], STORY_SECTOR_BYTES);
    if (with[0] != '\0' && with[1] != '\0') {
        memset(bytes + STORY_SECTOR_BYTES / 2, with[1], STORY_SECTOR_BYTES / 2);
    }
    return bytes;
}

static void a_sectors_fate_is_what_became_of_it(void **state)
{
    struct desk *desk = *state;
    struct story *story = desk->story;

    for (size_t i = 0; i < sizeof fate_rows / sizeof fate_rows[0]; i++) {
        const struct fate_row *row = &fate_rows[i];
        uint8_t now[STORY_SECTOR_BYTES], durable[STORY_SECTOR_BYTES], after[STORY_SECTOR_BYTES];
        struct story_file was = {.name = "f", .named = true, .now = filled(row->now, now)};
        struct story_file is = {.name = "f", .named = !row->gone};
        struct story_stop stop = {.has_after = true, .before = {&was, 1}, .after = {&is, 1}};
        const struct story_sector sector = {.file = "f"};
        struct story_sector_view view;
        struct story_fact damage = {.row = {.kind = HISTORY_DAMAGED}};

        was.durable = filled(row->durable, durable);
        is.now = filled(row->after, after);
        was.now_size = was.now != NULL ? STORY_SECTOR_BYTES : 0;
        was.durable_size = was.durable != NULL ? STORY_SECTOR_BYTES : 0;
        is.now_size = is.now != NULL ? STORY_SECTOR_BYTES : 0;
        story->stops = &stop;
        story->broken_stop = 0;
        story->broken_fact = STORY_NONE;
        story->facts = &damage;
        story->fact_count = row->damaged;
        story_sector_look(story, &sector, &view);
        if (view.fate != row->fate) {
            fail_msg("%s: got '%s', expected '%s'", row->name, story_fate_words(view.fate),
                     story_fate_words(row->fate));
        }
    }
}

/* ---- The page ---- */

static void a_page_asks_for_nothing(void **state)
{
    struct desk *desk = *state;

    collect(desk);
    char *page = page_of(desk->story);
    holds(page, "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'");
    holds(page, desk->story->result.property->claim);
    holds(page, "./squall replay canary:3");
    lacks(page, "http:");
    lacks(page, "https:");
    lacks(page, "src=");
    lacks(page, "href=");
    lacks(page, "url(");
    lacks(page, "@import");
    lacks(page, "fetch(");
    lacks(page, "innerHTML");
    lacks(page, "@STORY@");
    free(page);
}

/* The block of JSON alone. To be freed. */
static char *story_block(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"story\">";
    const char *from = strstr(page, begin);

    assert_non_null(from);
    const char *to = strstr(from, "</script>");
    assert_non_null(to);
    return strndup(from + sizeof begin - 1, (size_t)(to - from) - sizeof begin + 1);
}

static void what_a_run_says_is_never_markup(void **state)
{
    struct desk *desk = *state;
    struct story *story = desk->story;

    collect(desk);
    story->wrong = "</script><b>&amp;\"quoted\"\\ \xe2\x80\xa8 \xff end";
    story->names[1] = "<!--<script>";
    char *page = page_of(story);
    char *block = story_block(page);
    lacks(block, "<");
    lacks(block, ">");
    lacks(block, "&");
    lacks(block, "\xe2\x80\xa8");
    lacks(block, "\xff");
    holds(block, "\\u003c/script\\u003e\\u003cb\\u003e\\u0026amp;\\\"quoted\\\"\\\\ \\u2028 ");
    holds(block, "\\u003c!--\\u003cscript\\u003e");
    holds(block, "\"format\":1}");
    free(block);
    free(page);
}

/* A story with so many events, made of those of a real one. */
static void lengthen(struct story *story, uint32_t count)
{
    struct story_event *events = story_take(story, count * sizeof *events);

    assert_true(story->event_count > 0);
    for (uint32_t i = 0; i < count; i++) {
        events[i] = story->events[i % story->event_count];
        events[i].time_ns = events[i].began_ns = (uint64_t)i * 1000;
    }
    story->events = events;
    story->event_count = count;
}

static void twenty_thousand_events_are_written_in_bounded_time(void **state)
{
    struct desk *desk = *state;
    uint32_t rows = 0;

    collect(desk);
    lengthen(desk->story, EVENTS);
    uint64_t before_ns = squall_now_ns();
    char *page = page_of(desk->story);
    uint64_t took_ns = squall_now_ns() - before_ns;
    assert_true(took_ns < SECONDS_MAX * UINT64_C(1000000000));
    assert_true(strlen(page) < 200 * (size_t)EVENTS);
    const char *at = strstr(page, "\"events\":[");
    assert_non_null(at);
    for (; *at != '\0' && strncmp(at, "\"facts\"", 7) != 0; at++) rows += *at == '\n';
    assert_int_equal(rows, EVENTS);
    free(page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_canarys_story_names_the_record_the_lie_and_the_loss),
        TEST(the_row_that_broke_is_a_recovery_behind_the_loss_of_power),
        TEST(a_story_is_that_of_its_reproducer),
        TEST(a_run_that_dies_leaves_what_it_did),
        TEST(a_run_that_holds_is_told_as_such),
        TEST(a_sectors_fate_is_what_became_of_it),
        TEST(a_page_asks_for_nothing),
        TEST(what_a_run_says_is_never_markup),
        TEST(twenty_thousand_events_are_written_in_bounded_time),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
