/*
 * property_storm_test.c - histories of a log that is right by construction, and of one that isn't.
 *
 * A toy log of a few lines (accepted queue, durable prefix, rollback, poison, crash, truncation,
 * prune) is driven by chance: clients whose events come late, readers beside the writer, kills and
 * power loss inside recovery, damage, empty records that look alike. Tens of thousands of its
 * histories break no property. The same toy with one lie in it is caught each time the lie shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "properties/property.h"

enum {
    CLIENTS = 4,
    BATCH_MAX = 4,
    LOG_MAX = 512,
    STEPS = 150,
    OPERATIONS_MAX = 256,
    SEEDS = 20000,
};

/* CUT: durable, then truncated, and nobody was told either. */
enum phase { IDLE, SUBMITTED, HIDDEN, ACCEPTED, ROLLED_BACK_HIDDEN, ROLLED_BACK, CUT_HIDDEN, CUT };

enum lie {
    NO_LIE,
    LOSE_ACKED,
    RESURRECT,
    SPLIT_BATCH,
    SWAP,
    GARBLE,
    ACK_AFTER_FAILED_SYNC,
    SKIP_ONE,
    UNTRUNCATE,
    UNPRUNE
};

enum cut { NO_CUT, ASKED, DONE };

struct client {
    enum phase phase;
    uint32_t operation;
    uint64_t first_lsn;
};

struct toy {
    struct property_suite *suite;
    struct history history;
    const struct property *broken;
    struct verdict verdict;
    uint64_t seed;
    enum lie lie;
    bool lied;
    bool empties;

    uint64_t base;                      /* The log's first LSN, minus one. */
    struct history_record log[LOG_MAX]; /* All accepted; */
    bool told[LOG_MAX];                 /* whether their operation's task has said so; */
    uint32_t accepted, durable;         /* so many of them, and so many of those durable. */
    uint32_t acked;
    bool poisoned;
    struct history_record dead; /* A record that was rolled back, or truncated. */
    enum cut truncating, pruning;
    struct history_record cut;                    /* The first that is truncated. */
    uint32_t kept, pruned, pruned_told, to_prune; /* So many records. */
    struct client clients[CLIENTS];
    uint32_t sizes[OPERATIONS_MAX];
    struct history_record contents[OPERATIONS_MAX][BATCH_MAX];
    uint32_t operations;
    uint32_t instance;
    struct history_record seen[LOG_MAX];
};

static uint32_t chance(struct toy *toy, uint32_t bound)
{
    toy->seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = (toy->seed ^ toy->seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((mixed ^ mixed >> 31) % bound);
}

static void tell(struct toy *toy, struct history_event event)
{
    if (toy->broken != NULL) return;
    size_t at = history_add(&toy->history, &event);
    toy->broken = property_suite_step(toy->suite, &toy->history.events[at], &toy->verdict);
}

static void submit(struct toy *toy, struct client *client)
{
    if (toy->operations == OPERATIONS_MAX || toy->accepted + CLIENTS * BATCH_MAX > LOG_MAX) return;
    uint32_t operation = toy->operations++;
    uint32_t count = 1 + chance(toy, 3) * chance(toy, 2) * chance(toy, BATCH_MAX - 1) % BATCH_MAX;
    if (count > BATCH_MAX) count = BATCH_MAX;

    *client = (struct client){.phase = SUBMITTED, .operation = operation};
    toy->sizes[operation] = count;
    for (uint32_t i = 0; i < count; i++) {
        bool empty = toy->empties && chance(toy, 3) == 0;
        struct history_record *record = &toy->contents[operation][i];
        *record = (struct history_record){.hash = empty ? 0 : operation * 100 + i + 1,
                                          .length = empty ? 0 : 64,
                                          .batch_index = i,
                                          .batch_goes_on = i + 1 < count};
        tell(toy, (struct history_event){.kind = HISTORY_SUBMITTED,
                                         .operation = operation,
                                         .index = i,
                                         .count = count,
                                         .length = record->length,
                                         .hash = record->hash});
    }
}

/* The log gives the operation LSNs; its task doesn't tell yet. */
static void accept(struct toy *toy, struct client *client)
{
    client->phase = HIDDEN;
    client->first_lsn = toy->base + toy->accepted + 1;
    for (uint32_t i = 0; i < toy->sizes[client->operation]; i++) {
        struct history_record *record = &toy->log[toy->accepted];
        toy->told[toy->accepted++] = false;
        *record = toy->contents[client->operation][i];
        record->lsn = toy->base + toy->accepted;
    }
}

static uint32_t last_index(const struct toy *toy, const struct client *client)
{
    return (uint32_t)(client->first_lsn - toy->base) + toy->sizes[client->operation] - 1;
}

static void tell_accepted(struct toy *toy, struct client *client)
{
    tell(toy, (struct history_event){.kind = HISTORY_ACCEPTED,
                                     .operation = client->operation,
                                     .instance = toy->instance,
                                     .first_lsn = client->first_lsn,
                                     .last_lsn = toy->base + last_index(toy, client)});
    if (client->phase == HIDDEN) toy->told[last_index(toy, client) - 1] = true;
    client->phase = client->phase == HIDDEN       ? ACCEPTED
                    : client->phase == CUT_HIDDEN ? CUT
                                                  : ROLLED_BACK;
}

static void tell_failed(struct toy *toy, struct client *client, enum history_error error)
{
    tell(toy, (struct history_event){.kind = HISTORY_FAILED,
                                     .operation = client->operation,
                                     .instance = toy->instance,
                                     .error = error});
    client->phase = IDLE;
}

static void tell_acked(struct toy *toy, struct client *client)
{
    uint32_t last = last_index(toy, client);
    uint32_t upto = chance(toy, 2) == 0 || toy->durable < last ? last : toy->durable;

    tell(toy, (struct history_event){.kind = HISTORY_ACKED,
                                     .operation = client->operation,
                                     .instance = toy->instance,
                                     .last_lsn = toy->base + upto});
    if (toy->acked < upto && client->phase == ACCEPTED) toy->acked = upto;
    client->phase = IDLE;
}

static void tell_cut_off(struct toy *toy, struct client *client)
{
    if (chance(toy, 2) == 0) tell_acked(toy, client);
    if (client->phase != IDLE) tell_failed(toy, client, HISTORY_CUT_OFF);
}

static void client_step(struct toy *toy)
{
    struct client *client = &toy->clients[chance(toy, CLIENTS)];

    switch (client->phase) {
    case IDLE: submit(toy, client); break;
    case SUBMITTED:
        if (toy->poisoned) {
            tell_failed(toy, client, HISTORY_POISONED);
        } else {
            accept(toy, client);
        }
        break;
    case HIDDEN: tell_accepted(toy, client); break;
    case ACCEPTED:
        if (last_index(toy, client) <= toy->durable) {
            tell_acked(toy, client);
        } else if (toy->poisoned && toy->lie == ACK_AFTER_FAILED_SYNC) {
            toy->lied = true;
            tell_acked(toy, client);
        } else if (toy->poisoned) {
            tell_failed(toy, client, HISTORY_POISONED);
        } else if (chance(toy, 8) == 0) {
            client->phase = IDLE; /* Nobody waits for it. */
        }
        break;
    case ROLLED_BACK_HIDDEN:
    case CUT_HIDDEN: tell_accepted(toy, client); break;
    case CUT: tell_cut_off(toy, client); break;
    case ROLLED_BACK:
        tell_failed(toy, client, HISTORY_NOSPACE);
        toy->dead = toy->contents[client->operation][0];
        break;
    }
}

static void inject(struct toy *toy, uint32_t fault, enum history_error said, uint64_t durable_lsn)
{
    tell(toy, (struct history_event){.kind = HISTORY_INJECTED,
                                     .error = said,
                                     .operation = HISTORY_NO_OPERATION,
                                     .instance = toy->instance,
                                     .fault = fault,
                                     .last_lsn = durable_lsn,
                                     .flag = durable_lsn != 0});
}

static void roll_back(struct toy *toy)
{
    inject(toy, 3, HISTORY_NOSPACE, 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &toy->clients[i];
        bool hidden = client->phase == HIDDEN;
        if (!hidden && client->phase != ACCEPTED) continue;
        if (last_index(toy, client) <= toy->durable) continue;
        client->phase = hidden ? ROLLED_BACK_HIDDEN : ROLLED_BACK;
    }
    toy->accepted = toy->durable;
}

/* A whole number of batches, at least `least` records and at most all accepted ones. */
static uint32_t some_batches(struct toy *toy, uint32_t least)
{
    uint32_t count = least + (toy->accepted > least ? chance(toy, toy->accepted - least + 1) : 0);

    while (count > least && toy->log[count - 1].batch_goes_on) count--;
    return count;
}

static struct history_observation look(struct toy *toy, bool recovery, uint32_t from, uint32_t to)
{
    memcpy(toy->seen, toy->log + from, (to - from) * sizeof *toy->seen);
    return (struct history_observation){.instance = toy->instance,
                                        .recovery = recovery,
                                        .from_lsn = toy->base + from + 1,
                                        .records = toy->seen,
                                        .count = to - from};
}

static void read_beside(struct toy *toy)
{
    uint32_t to = toy->pruned + chance(toy, toy->durable - toy->pruned + 1);
    while (to > toy->pruned && toy->log[to - 1].batch_goes_on) to--;
    uint32_t from = to == toy->pruned ? to : toy->pruned + chance(toy, to - toy->pruned);
    struct history_observation seen = look(toy, false, from, to);

    if (seen.count > 0 && chance(toy, 4) == 0) {
        inject(toy, 14, HISTORY_IO, 0);
        seen.read_error = HISTORY_IO;
        seen.count = chance(toy, seen.count);
    }
    tell(toy, (struct history_event){.kind = HISTORY_OBSERVED,
                                     .operation = HISTORY_NO_OPERATION,
                                     .instance = toy->instance,
                                     .observation = &seen});
}

/* ---- Truncating and pruning: asked for, done, told ---- */

static void tell_cut(struct toy *toy, enum history_kind kind, uint64_t first_lsn, uint64_t last_lsn)
{
    tell(toy, (struct history_event){.kind = kind,
                                     .operation = OPERATIONS_MAX + (first_lsn != 0),
                                     .instance = toy->instance,
                                     .first_lsn = first_lsn,
                                     .last_lsn = last_lsn});
}

static void truncate_now(struct toy *toy)
{
    toy->truncating = DONE;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &toy->clients[i];
        if (client->phase != HIDDEN && client->phase != ACCEPTED) continue;
        if (last_index(toy, client) <= toy->kept) continue;
        client->phase = client->phase == HIDDEN ? CUT_HIDDEN : CUT;
    }
    toy->accepted = toy->durable = toy->kept; /* It was accepted, and so was all below. */
    if (toy->acked > toy->kept) toy->acked = toy->kept;
}

static void truncate_step(struct toy *toy)
{
    if (toy->truncating == ASKED) {
        truncate_now(toy);
    } else if (toy->truncating == DONE) {
        tell_cut(toy, HISTORY_TRUNCATED, 0, toy->base + toy->kept);
        if (toy->cut.hash != 0) toy->dead = toy->cut;
        toy->truncating = NO_CUT;
    } else {
        toy->kept = toy->pruned + chance(toy, toy->accepted - toy->pruned + 1);
        while (toy->kept > toy->pruned && toy->log[toy->kept - 1].batch_goes_on) toy->kept--;
        if (toy->kept > 0 && toy->log[toy->kept - 1].batch_goes_on) return;
        bool known = toy->kept < toy->accepted && toy->told[toy->kept];
        toy->cut = known ? toy->log[toy->kept] : (struct history_record){0};
        tell_cut(toy, HISTORY_TRUNCATING, 0, toy->base + toy->kept);
        toy->truncating = ASKED;
    }
}

static void prune_step(struct toy *toy)
{
    if (toy->pruning == ASKED) {
        toy->pruned = toy->to_prune;
        toy->pruning = DONE;
    } else if (toy->pruning == DONE) {
        tell_cut(toy, HISTORY_PRUNED, toy->base + toy->to_prune + 1, 0);
        toy->pruned_told = toy->pruned;
        toy->pruning = NO_CUT;
    } else if (toy->truncating == NO_CUT) {
        toy->to_prune = toy->pruned + chance(toy, toy->durable - toy->pruned + 1);
        tell_cut(toy, HISTORY_PRUNING, toy->base + toy->to_prune + 1, 0);
        toy->pruning = ASKED;
    }
}

static void cut_at_crash(struct toy *toy)
{
    if (toy->truncating == ASKED && chance(toy, 2) == 0) truncate_now(toy);
    if (toy->pruning == ASKED && chance(toy, 2) == 0) prune_step(toy);
    toy->truncating = toy->pruning = NO_CUT;
}

static bool alone(const struct history_record *record)
{
    return record->batch_index == 0 && !record->batch_goes_on;
}

/* Spoil what a recovery shows, if this history has what it takes. */
static void lie(struct toy *toy, struct history_observation *seen)
{
    uint32_t at = seen->count == 0 ? 0 : chance(toy, seen->count);
    struct history_record *record = &toy->seen[at];
    struct history_record other;

    if (toy->lied) return;
    switch (toy->lie) {
    case LOSE_ACKED:
        if (toy->acked == 0) return;
        seen->count = chance(toy, toy->acked);
        while (seen->count > 0 && toy->seen[seen->count - 1].batch_goes_on) seen->count--;
        break;
    case UNPRUNE:
        if (toy->pruned_told == 0) return;
        *seen = look(toy, true, toy->pruned_told - 1, toy->accepted);
        break;
    case RESURRECT:
    case UNTRUNCATE:
        if (toy->dead.hash == 0 || seen->count == LOG_MAX || toy->dead.batch_goes_on) return;
        toy->seen[seen->count] = toy->dead;
        toy->seen[seen->count].lsn = seen->from_lsn + seen->count;
        seen->count++;
        break;
    case SPLIT_BATCH:
        if (seen->count == 0 || !record->batch_goes_on) return;
        seen->count = at + 1;
        break;
    case SWAP:
        if (at == 0 || !alone(record) || !alone(record - 1) || !toy->told[at]) return;
        other = *record;
        *record = record[-1];
        record[-1] = other;
        record->lsn++;
        record[-1].lsn--;
        break;
    case GARBLE:
        if (seen->count == 0) return;
        record->hash ^= UINT64_C(1) << 40;
        break;
    case SKIP_ONE:
        if (seen->count < 2 || at + 1 >= seen->count) return;
        memmove(record, record + 1, (seen->count - at - 1) * sizeof *record);
        seen->count--;
        break;
    case NO_LIE:
    case ACK_AFTER_FAILED_SYNC: return;
    }
    toy->lied = true;
}

static void tell_kind(struct toy *toy, enum history_kind kind, bool flag)
{
    tell(toy, (struct history_event){.kind = kind, .instance = toy->instance, .flag = flag});
}

static void boot(struct toy *toy)
{
    toy->instance++;
    tell_kind(toy, HISTORY_BOOTED, false);
}

/* All that lies on the disk is found, after whatever interrupts finding it. */
static void recover(struct toy *toy, bool killed)
{
    struct history_observation seen = look(toy, true, toy->pruned, toy->accepted);

    if (chance(toy, 2) == 0) {
        tell(toy, (struct history_event){.kind = HISTORY_UNDISTURBED, .observation = &seen});
    }
    boot(toy);
    while (chance(toy, 3) == 0) {
        bool power = chance(toy, 2) == 0;
        tell_kind(toy, HISTORY_CRASHED, power);
        if (power && killed) toy->accepted = some_batches(toy, toy->durable);
        if (power) killed = false;
        seen = look(toy, true, toy->pruned, toy->accepted);
        if (chance(toy, 2) == 0) {
            tell(toy, (struct history_event){.kind = HISTORY_UNDISTURBED, .observation = &seen});
        }
        boot(toy);
    }
    if (chance(toy, 6) == 0) {
        inject(toy, 8, HISTORY_IO, 0);
        seen = (struct history_observation){
            .instance = toy->instance, .recovery = true, .open_error = HISTORY_IO};
        tell(toy, (struct history_event){.kind = HISTORY_OBSERVED, .observation = &seen});
    }
    seen = look(toy, true, toy->pruned, toy->accepted);
    lie(toy, &seen);
    seen.instance = toy->instance;
    tell(toy, (struct history_event){.kind = HISTORY_OBSERVED, .observation = &seen});
    toy->durable = toy->accepted;
    toy->acked = toy->accepted;
    toy->pruned_told = toy->pruned;
    toy->poisoned = false;
    memset(toy->clients, 0, sizeof toy->clients);
}

/* Damage to the last batch: what nothing witnesses is cut, and what something does is reported. */
static void damage(struct toy *toy)
{
    uint32_t first = toy->accepted;
    bool witnessed = chance(toy, 2) == 0;

    if (toy->accepted == toy->pruned || toy->accepted != toy->durable || toy->lie != NO_LIE) return;
    first -= toy->log[first - 1].batch_index;
    if (first <= toy->pruned) return; /* The log begins inside that batch. */
    tell(toy, (struct history_event){.kind = HISTORY_DAMAGED,
                                     .fault = 41,
                                     .flag = witnessed,
                                     .first_lsn = toy->base + toy->accepted,
                                     .last_lsn = toy->base + toy->accepted});
    if (witnessed) {
        struct history_observation seen = {
            .instance = toy->instance,
            .recovery = true,
            .open_error = HISTORY_CORRUPT,
            .place = {.segment = 1, .first_lsn = toy->base + first, .last_lsn = UINT64_MAX}};
        tell(toy, (struct history_event){.kind = HISTORY_OBSERVED, .observation = &seen});
        tell_kind(toy, HISTORY_CRASHED, true);
        tell_kind(toy, HISTORY_LIFTED, false);
    } else {
        toy->accepted = toy->durable = first - 1;
    }
}

static void crash(struct toy *toy)
{
    bool power = chance(toy, 3) > 0;

    tell_kind(toy, HISTORY_CRASHED, power);
    cut_at_crash(toy);
    toy->accepted = some_batches(toy, toy->durable);
    if (chance(toy, 8) == 0) damage(toy);
    recover(toy, !power);
}

static void world_step(struct toy *toy)
{
    uint32_t what = chance(toy, 40);

    if (what < 4) crash(toy);
    if (what >= 4 && what < 12) read_beside(toy);
    if (toy->poisoned) return;
    if (what >= 12 && what < 30) toy->durable = some_batches(toy, toy->durable);
    if (what >= 30 && what < 36 && toy->truncating == NO_CUT) roll_back(toy);
    if (what == 36) {
        inject(toy, chance(toy, 2) == 0 ? 8 : 10, HISTORY_IO, toy->base + toy->durable);
        toy->poisoned = true;
    }
    bool truncates = toy->lie == NO_LIE ? toy->seed % 3 > 0 : toy->lie == UNTRUNCATE;
    bool prunes = toy->lie == NO_LIE ? toy->seed % 5 > 1 : toy->lie == UNPRUNE;
    if (what >= 37 && truncates && toy->pruning == NO_CUT) truncate_step(toy);
    if (what == 38 && prunes) prune_step(toy);
}

static void run(struct toy *toy, uint64_t seed, enum lie lie_told)
{
    struct property_suite *suite = toy->suite;
    struct history history = toy->history;

    *toy = (struct toy){.suite = suite, .history = history, .seed = seed, .lie = lie_told};
    history_clear(&toy->history);
    property_suite_begin(suite, UINT64_MAX);
    toy->base = seed % 3 == 0 ? UINT64_C(4294967290) : 4;
    toy->empties = lie_told == NO_LIE && seed % 2 == 0;
    boot(toy);
    for (unsigned step = 0; step < STEPS && toy->broken == NULL; step++) {
        if (chance(toy, 4) == 0) {
            world_step(toy);
        } else {
            client_step(toy);
        }
    }
    tell_kind(toy, HISTORY_ENDED, false);
}

static int toy_begin(void **state)
{
    static struct toy toy;

    toy = (struct toy){.suite = property_suite_create()};
    history_init(&toy.history);
    *state = &toy;
    return 0;
}

static int toy_end(void **state)
{
    struct toy *toy = *state;

    property_suite_destroy(toy->suite);
    history_free(&toy->history);
    return 0;
}

static void a_right_log_is_never_blamed(void **state)
{
    struct toy *toy = *state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(toy, seed, NO_LIE);
        if (toy->broken == NULL) continue;
        fail_msg("seed %llu, event %zu: %s, %s (lsn %llu, other %llu)", (unsigned long long)seed,
                 toy->history.count - 1, toy->broken->name, toy->verdict.why,
                 (unsigned long long)toy->verdict.lsn, (unsigned long long)toy->verdict.other);
    }
}

/* Of all runs in which the lie was told, each is caught. */
static void every_lie_is_caught(struct toy *toy, enum lie lie_told, const char *by)
{
    unsigned told = 0;
    unsigned named = 0;

    for (uint64_t seed = 1; seed <= 2000; seed++) {
        run(toy, seed, lie_told);
        if (!toy->lied) {
            assert_null(toy->broken);
            continue;
        }
        told++;
        if (toy->broken == NULL) fail_msg("seed %llu was not caught", (unsigned long long)seed);
        if (strcmp(toy->broken->name, by) == 0) named++;
    }
    assert_true(told > 100);
    assert_true(named > 0);
}

/* clang-format off */
#define LIES(X)                                                                   \
    X(losing_an_acknowledged_record_is_caught, LOSE_ACKED, "durability")          \
    X(bringing_back_a_rolled_back_record_is_caught, RESURRECT, "no-phantom")      \
    X(bringing_back_a_truncated_record_is_caught, UNTRUNCATE, "no-phantom")       \
    X(bringing_back_a_pruned_record_is_caught, UNPRUNE, "no-phantom")             \
    X(splitting_a_batch_is_caught, SPLIT_BATCH, "batch-atomicity")                \
    X(swapping_two_records_is_caught, SWAP, "prefix")                             \
    X(garbling_a_record_is_caught, GARBLE, "no-phantom")                          \
    X(leaving_one_out_is_caught, SKIP_ONE, "prefix")                              \
    X(acknowledging_after_a_failed_sync_is_caught, ACK_AFTER_FAILED_SYNC, "fsync-honesty")
#define LIE(test, lie_told, by) \
    static void test(void **state) { every_lie_is_caught(*state, lie_told, by); }
LIES(LIE)

int main(void)
{
#define STORM(test, lie_told, by) cmocka_unit_test_setup_teardown(test, toy_begin, toy_end),
    const struct CMUnitTest tests[] = {STORM(a_right_log_is_never_blamed, NO_LIE, "") LIES(STORM)};
    /* clang-format on */

    return cmocka_run_group_tests_name("properties in a storm", tests, NULL, NULL);
}
