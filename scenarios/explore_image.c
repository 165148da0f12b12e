/*
 * explore_image.c - what an explorer does when a process has died: all images of it, and whether
 * the run needs to go on.
 *
 * The history counts without times and without the numbers of processes. Faults that are over count
 * only in what they did: what one that has struck will still do (a disk that stays full for a
 * while) is in the decisions of the set, which are compared too.
 */
#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenarios/explore_internal.h"

enum { KEY_STATE = 1, KEY_IMAGE, KEY_SAME_CRASH, KEY_GOES_ON, KEY_KILLED };
enum { RANDOM_IMAGES = 64, CUTS = 3 };

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t words[] = {a, b, c};

    return XXH3_64bits(words, sizeof words);
}

/* ---- What must be the same ---- */

static uint64_t hash_observation(const struct history_observation *seen, uint64_t hash)
{
    const uint64_t words[] = {hash, seen->from_lsn, seen->count,
                              (uint64_t)seen->open_error << 32 | (uint64_t)seen->read_error << 1 |
                                  seen->recovery};

    hash = XXH3_64bits(words, sizeof words);
    for (uint32_t i = 0; i < seen->count; i++) {
        const struct history_record *record = &seen->records[i];
        hash = mix(hash ^ record->lsn, record->hash,
                   (uint64_t)record->length << 32 | (uint64_t)record->batch_index << 1 |
                       record->batch_goes_on);
    }
    return hash;
}

static uint64_t hash_history(const struct runner *runner)
{
    const struct history *history = &runner->history;
    uint64_t hash = 0;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        const uint64_t words[] = {hash,
                                  (uint64_t)event->kind << 48 | (uint64_t)event->error << 32 |
                                      event->fault << 1 | event->flag,
                                  (uint64_t)event->operation << 32 | event->index,
                                  (uint64_t)event->count << 32 | event->length,
                                  event->first_lsn,
                                  event->last_lsn,
                                  event->hash};
        hash = XXH3_64bits(words, sizeof words);
        if (event->observation != NULL) hash = hash_observation(event->observation, hash);
    }
    return hash;
}

static uint64_t hash_operations_left(const struct runner *runner)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < runner->operation_count; i++) {
        const struct operation *operation = &runner->operations[i];
        if (runner->begun[i]) continue;
        hash = mix(hash, (uint64_t)operation->kind << 32 | operation->number,
                   (uint64_t)operation->client << 32 | operation->records);
        for (uint32_t j = 0; j < operation->records; j++) {
            hash = mix(hash, operation->lengths[j], 0);
        }
        hash = mix(hash, operation->argument, operation->noise);
    }
    return hash;
}

/* Decisions whose effects may outlive a process. */
static uint64_t hash_faults(const struct runner *runner)
{
    const struct sim_record *record = sim_world_record(runner->world);
    uint64_t hash = 0;

    for (size_t i = 0; i < record->count; i++) {
        const struct sim_decision *decision = &record->decisions[i];
        if (decision->kind < SIM_KIND_FAULT) continue;
        hash = mix(hash, decision->who,
                   (uint64_t)decision->kind << 48 | (uint64_t)decision->call << 40 |
                       (uint64_t)decision->ordinal << 16 | decision->outcome);
    }
    return hash;
}

/* True: nobody went on from here, with this on the disk, yet. */
static bool is_new_start(struct explorer *explorer, const struct runner *runner, uint64_t key,
                         uint64_t disk, uint64_t history)
{
    const struct explore_budget *left = &explorer->left;
    uint64_t budget = (uint64_t)left->crashes << 32 | left->faults << 16 | left->preemptions;
    uint64_t hash = mix(key ^ disk, history, hash_operations_left(runner));

    return explore_seen_add(&explorer->seen, mix(hash, hash_faults(runner), budget));
}

/* Does the run go on? */
static bool goes_on(struct explorer *explorer, bool is_new)
{
    if (is_new) return true;
    explorer->count->merged++;
    explorer->level->merged = true;
    return false;
}

/* ---- One image ---- */

/* A loss of power whose images are visited. */
struct visit {
    struct explorer *explorer;
    struct runner *runner;
    uint64_t history, state;
    uint32_t images;
};

static struct case_decision *room_for(struct explore_level *level, size_t count)
{
    size_t needed = level->promoted_count + count;

    if (needed > level->promoted_capacity) {
        level->promoted_capacity = (uint32_t)needed * 2;
        level->promoted =
            realloc(level->promoted, level->promoted_capacity * sizeof *level->promoted);
        assert(level->promoted != NULL);
    }
    return &level->promoted[level->promoted_count];
}

/* The run can go on with the image just drawn. */
static void promote(struct visit *visit, uint64_t bytes)
{
    struct explorer *explorer = visit->explorer;
    struct explore_level *level = explorer->level;
    const struct sim_world *world = visit->runner->world;
    const struct sim_record *record = sim_image_record(world);

    if (record->count == 0) return; /* It does so anyway. */
    if (!is_new_start(explorer, visit->runner, KEY_GOES_ON, bytes, visit->history)) return;
    if (level->promoted_images == EXPLORE_PROMOTED_MAX) {
        explorer->count->not_taken++;
        return;
    }
    struct case_decision *to = room_for(level, record->count);
    for (size_t i = 0; i < record->count; i++) {
        const struct sim_decision *from = &record->decisions[i];
        to[i] = (struct case_decision){.who = (uint32_t)sim_context(world),
                                       .kind = from->kind,
                                       .call = from->call,
                                       .ordinal = from->ordinal,
                                       .outcome = from->outcome};
    }
    level->promoted_count += (uint32_t)record->count;
    level->promoted_end[level->promoted_images++] = level->promoted_count;
    explorer->count->promoted++;
}

/* Recover and judge. False: it broke a property. */
static bool judge(struct visit *visit, struct disk *image, uint64_t hash, uint32_t *ret_read)
{
    struct explorer *explorer = visit->explorer;
    const struct explore_options *options = &explorer->options;

    explorer->count->distinct++;
    explorer->watch_read = UINT32_MAX;
    disk_watch_reads(image, &explorer->watch);
    if (!run_judge_image(visit->runner, image, visit->images, hash)) return false;
    if (options->judged != NULL) options->judged(options->context, visit->runner);
    *ret_read = explorer->watch_read = explore_seen_pack(&explorer->seen, &explorer->watch);
    return true;
}

/* `image` NULL: it was drawn before at this crash. Leaves in explorer->watch what its recovery
 * read. False: it broke a property. */
static bool meet(struct visit *visit, struct disk *image, uint64_t hash)
{
    struct explorer *explorer = visit->explorer;
    struct explore_seen *seen = &explorer->seen;
    uint64_t here = mix(KEY_SAME_CRASH, visit->state, hash);
    uint32_t read = 0;

    visit->images++;
    explorer->count->images++;
    if (image == NULL) {
        bool found = explore_seen_find(seen, here, &read);
        assert(found);
        (void)found;
    } else {
        uint64_t bytes = disk_fingerprint(image), key = mix(KEY_IMAGE, visit->history, bytes);
        if (explorer->left.crashes > 0) promote(visit, bytes);
        if (!explore_seen_find(seen, key, &read)) {
            if (!judge(visit, image, hash, &read)) return false;
            explore_seen_put(seen, key, read);
        }
        explore_seen_put(seen, here, read);
    }
    if (read != explorer->watch_read) explore_seen_unpack(seen, read, &explorer->watch);
    explorer->watch_read = read;
    return true;
}

/* ---- Where there are too many ---- */

/* A way to answer that names an image by two numbers. */
struct pattern {
    enum disk_crash_mode mode;
    uint32_t modes;
    uint32_t names;    /* Answer to DISK_ASK_NAMES. */
    uint32_t at, part; /* Of a prefix: how many chunks, and how much of the next. */
    uint32_t chunk;    /* How many were asked about. */
    uint32_t bound;    /* Of `at`. */
};

static uint32_t choose_pattern(void *context, enum disk_question question, uint32_t bound)
{
    struct pattern *pattern = context;
    uint32_t answer = 0;

    switch (question) {
    case DISK_ASK_MODE:
        (void)odometer_mode(pattern->modes, pattern->mode, &answer); /* It is allowed. */
        return answer;
    case DISK_ASK_CUT:
    case DISK_ASK_OMIT:
        pattern->bound = bound;
        return pattern->at < bound ? pattern->at : bound - 1;
    case DISK_ASK_CUT_BYTE:
        return pattern->part == 0 ? 0 : pattern->part == 1 ? bound / 2 : bound - 1;
    case DISK_ASK_CHUNK:
        if (pattern->mode != DISK_EACH) return 0;
        pattern->bound = pattern->chunk + 1;
        return pattern->chunk++ == pattern->at;
    case DISK_ASK_NAMES: return pattern->names;
    case DISK_ASK_CHUNK_BYTE:
    case DISK_ASK_GARBAGE:
    case DISK_ASK_SIZE:
    case DISK_ASK_NAME:
    case DISK_ASK_SPLIT:
    case DISK_ASK_SYNC_CHUNK:
    case DISK_QUESTION_COUNT: break;
    }
    return 0;
}

/* All `at` and `part` of one mode. False: one broke a property. */
static bool visit_pattern(struct visit *visit, struct pattern pattern)
{
    uint32_t parts = pattern.mode == DISK_PREFIX ? CUTS : 1;
    uint32_t answer;

    if (!odometer_mode(pattern.modes, pattern.mode, &answer)) return true;
    for (pattern.at = pattern.bound = 0; pattern.at == 0 || pattern.at < pattern.bound;
         pattern.at++) {
        for (pattern.part = 0; pattern.part < parts; pattern.part++) {
            const struct disk_chooser chooser = {
                .choose = choose_pattern, .context = &pattern, .modes = pattern.modes};
            uint64_t hash;
            pattern.chunk = 0;
            struct disk *image = sim_image_choose(visit->runner->world, &chooser, &hash);
            if (image != NULL && !meet(visit, image, hash)) return false;
        }
    }
    return true;
}

/* None, all, prefixes, all but one, one alone, and some drawn ones. */
static bool visit_some(struct visit *visit)
{
    uint32_t modes = visit->runner->config.image_modes;

    for (unsigned mode = DISK_LOSE_ALL; mode <= DISK_EACH; mode++) {
        for (uint32_t names = 0; names <= 1; names++) {
            const struct pattern pattern = {
                .mode = (enum disk_crash_mode)mode, .modes = modes, .names = names};
            if (!visit_pattern(visit, pattern)) return false;
        }
    }
    for (uint32_t k = 1; k <= RANDOM_IMAGES; k++) {
        uint64_t hash;
        struct disk *image = sim_image_draw(visit->runner->world, k, &hash);
        if (image != NULL && !meet(visit, image, hash)) return false;
    }
    return true;
}

/* ---- All of them ---- */

static bool visit_all(struct visit *visit)
{
    struct explorer *explorer = visit->explorer;
    struct odometer *odometer = &explorer->odometer;
    struct sim_world *world = visit->runner->world;

    explorer->count->states++;
    explorer->watch.chunk_bytes = disk_chunk(sim_disk(world));
    odometer_begin(odometer, sim_disk(world), visit->runner->config.image_modes);
    do {
        const struct disk_chooser chooser = odometer_chooser(odometer);
        uint64_t hash;
        if (visit->images == explorer->options.images_max || odometer->overflown) {
            explorer->count->too_many++;
            return visit_some(visit);
        }
        struct disk *image = sim_image_choose(world, &chooser, &hash);
        if (!meet(visit, image, hash)) return false;
        odometer_saw(odometer, explorer->options.read_or_not ? NULL : &explorer->watch);
    } while (odometer_next(odometer));
    explorer->count->spared += odometer->spared;
    return true;
}

static uint32_t lose_all(void *context, enum disk_question question, uint32_t bound)
{
    (void)context, (void)question, (void)bound;
    return 0;
}

/* What the run goes on with, if no decision says otherwise. */
static uint64_t settled(const struct explorer *explorer, const struct runner *runner)
{
    const struct disk_chooser chooser = {.choose = lose_all, .modes = runner->config.image_modes};

    (void)disk_image(sim_disk(runner->world), &chooser, explorer->scratch, NULL);
    return disk_fingerprint(explorer->scratch);
}

bool explore_power_loss(void *context, struct runner *runner)
{
    struct explorer *explorer = context;

    if (!explore_decided(explorer)) return true;
    struct visit visit = {.explorer = explorer, .runner = runner, .history = hash_history(runner)};
    visit.state = mix(KEY_STATE, visit.history, disk_fingerprint(sim_disk(runner->world)));
    bool fresh = explore_seen_add(&explorer->seen, visit.state);
    bool is_new =
        is_new_start(explorer, runner, KEY_GOES_ON, settled(explorer, runner), visit.history);
    if ((fresh || explorer->left.crashes > 0) && !visit_all(&visit)) return false;
    return goes_on(explorer, is_new);
}

bool explore_kill(void *context, struct runner *runner)
{
    struct explorer *explorer = context;

    if (!explore_decided(explorer)) return true;
    return goes_on(explorer,
                   is_new_start(explorer, runner, KEY_KILLED,
                                disk_fingerprint(sim_disk(runner->world)), hash_history(runner)));
}
