/*
 * model_reading.c - comparing what somebody read with what may stand there.
 *
 * From the first record on: a settled slot must hold what it held; elsewhere the operation is
 * sought that the log put there, or one in limbo, and it is taken as a whole. Where several would
 * do, the one that is complete and agrees with what the log says of its batches is meant. The first
 * record for which nothing is found ends the comparison, and only then is it searched for among all
 * records ever submitted, to say what is wrong with it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "properties/model.h"

enum {
    LIMBO_TRACKED_MAX = 64, /* Beyond so many, being used twice is not noticed. */
    RANK_COMPLETE = 1,
    RANK_FLAGS_AGREE = 2, /* Only records of few bytes look alike, and flags tell them apart. */
    RANK_BEST = RANK_FLAGS_AGREE + RANK_COMPLETE,
};

struct choice {
    struct model_match match;
    uint32_t run; /* So many records fit; 0: none was found. */
    uint32_t rank;
    uint32_t limbo; /* Its place in the list; LIMBO_TRACKED_MAX: it isn't from there. */
};

bool model_agrees(const struct model *model, const struct model_slot *slot, uint32_t operation,
                  uint32_t index)
{
    const struct model_operation *own = &model->operations[operation];
    const struct model_record *record = &model->records[own->first_record + index];

    if (slot == NULL || slot->count == 0 || slot->operation == operation) return true;
    return slot->operation == MODEL_NONE && slot->index == index && slot->count == own->count &&
           slot->hash == record->hash && slot->length == record->length;
}

static bool record_is(const struct model *model, const struct model_operation *operation,
                      uint32_t index, const struct history_record *record)
{
    const struct model_record *own = &model->records[operation->first_record + index];

    return own->hash == record->hash && own->length == record->length;
}

const struct model_slot *model_content(const struct model *model, uint64_t lsn)
{
    const struct model_slot *slot = model_slot(model, lsn);

    if (slot == NULL || slot->count == 0 || lsn > model->reading->kept_lsn) return NULL;
    return slot;
}

/* The first of the operations that begin there, and whether one of them is to be considered. */
static uint32_t candidates_at(const struct model *model, uint64_t lsn)
{
    const struct model_slot *slot = model_slot(model, lsn);

    return slot == NULL ? MODEL_NONE : slot->candidates;
}

static bool is_candidate(const struct model *model, const struct model_operation *own)
{
    const struct model_reading *reading = model->reading;

    if (own->fate != MODEL_ACCEPTED) return false;
    return own->first_lsn <= reading->kept_lsn ||
           own->accepted > model->truncations[reading->truncation].asked;
}

/* Take the operation, from its record `index` on, for what was read from `at` on, if it fits
 * better than what was chosen so far. */
static void consider(const struct model *model, uint32_t at, uint32_t operation, uint32_t index,
                     uint32_t limbo, struct choice *choice)
{
    const struct history_observation *seen = model->reading->observation;
    const struct model_operation *own = &model->operations[operation];
    uint32_t run = 0;
    bool flags_agree = true;

    for (; index + run < own->count && at + run < seen->count; run++) {
        const struct history_record *record = &seen->records[at + run];
        const struct model_slot *slot = model_content(model, record->lsn);
        if (record->lsn != seen->records[at].lsn + run) break;
        if (!record_is(model, own, index + run, record)) break;
        if (!model_agrees(model, slot, operation, index + run)) break;
        flags_agree = flags_agree && record->batch_index == index + run &&
                      record->batch_goes_on == (index + run + 1 < own->count);
    }
    uint32_t rank = 0;
    if (index + run == own->count) rank += RANK_COMPLETE;
    if (flags_agree) rank += RANK_FLAGS_AGREE;
    if (run == 0 || rank < choice->rank || (rank == choice->rank && run <= choice->run)) return;
    *choice =
        (struct choice){.match = {.operation = operation, .index = index, .count = own->count},
                        .run = run,
                        .rank = rank,
                        .limbo = limbo};
}

/* A reader, or a log that was pruned, may begin inside a batch: in one whose head stands at a slot
 * below, or in one of limbo (which doesn't use it up: by its end alone nobody is known for sure).
 */
static void consider_begun_before(const struct model *model, uint64_t lsn, struct choice *choice)
{
    for (uint32_t back = 1; back < model->batch_max && back < lsn; back++) {
        if (model_content(model, lsn - back) != NULL) return;
        for (uint32_t each = candidates_at(model, lsn - back); each != MODEL_NONE;) {
            const struct model_operation *own = &model->operations[each];
            if (is_candidate(model, own) && back < own->count) {
                consider(model, 0, each, back, LIMBO_TRACKED_MAX, choice);
            }
            each = own->next;
        }
        for (uint32_t each = model->limbo; each != MODEL_NONE;) {
            const struct model_operation *own = &model->operations[each];
            if (own->submitted == own->count && back < own->count &&
                model_plausible(model, own, lsn - back, lsn - back + own->count - 1)) {
                consider(model, 0, each, back, LIMBO_TRACKED_MAX, choice);
            }
            each = own->next;
        }
    }
}

static void consider_limbo(const struct model *model, uint32_t at, uint64_t lsn, uint64_t used,
                           struct choice *choice)
{
    uint32_t place = 0;

    for (uint32_t each = model->limbo; each != MODEL_NONE; place++) {
        const struct model_operation *own = &model->operations[each];
        uint32_t limbo = place < LIMBO_TRACKED_MAX ? place : LIMBO_TRACKED_MAX;
        bool taken = limbo < LIMBO_TRACKED_MAX && (used >> limbo & 1) != 0;
        if (!taken && own->submitted == own->count &&
            model_plausible(model, own, lsn, lsn + own->count - 1)) {
            consider(model, at, each, 0, limbo, choice);
        }
        each = own->next;
    }
}

/* Who may be meant by what was read at `lsn`, in a slot that isn't settled? */
static struct choice choose(const struct model *model, uint32_t at, uint64_t lsn, uint64_t used)
{
    struct choice choice = {.limbo = LIMBO_TRACKED_MAX};

    if (at > 0) {
        const struct model_match *before = &model->reading->matches[at - 1];
        if (before->operation != MODEL_NONE && before->index + 1 < before->count) {
            consider(model, at, before->operation, before->index + 1, LIMBO_TRACKED_MAX, &choice);
        }
    } else if (!model->reading->observation->recovery || model->floor_asked_lsn != 0) {
        consider_begun_before(model, lsn, &choice);
    }
    for (uint32_t each = candidates_at(model, lsn); each != MODEL_NONE;) {
        const struct model_operation *own = &model->operations[each];
        if (is_candidate(model, own)) {
            consider(model, at, each, 0, LIMBO_TRACKED_MAX, &choice);
        }
        each = own->next;
    }
    if (choice.rank < RANK_BEST) consider_limbo(model, at, lsn, used, &choice);
    return choice;
}

/* Does this record follow the one before it, batch by batch? */
static bool follows(const struct model_match *before, const struct model_match *match)
{
    if (before->index + 1 == before->count) return match->index == 0;
    return match->index == before->index + 1 && match->count == before->count &&
           (match->operation == before->operation || match->operation == MODEL_NONE ||
            before->operation == MODEL_NONE);
}

static void anomaly_at(struct model_reading *reading, enum model_anomaly anomaly, uint64_t lsn,
                       uint64_t other)
{
    reading->anomaly = anomaly;
    reading->lsn = lsn;
    reading->other = other;
}

/* What is wrong with a living record at an LSN where it can't be? */
static void explain_living(struct model_reading *reading, const struct model_operation *own,
                           uint32_t index, uint64_t lsn, bool settled)
{
    const struct history_record *read = reading->observation->records;
    uint64_t at_home = own->first_lsn + index;

    if (own->fate == MODEL_LIMBO) {
        enum model_anomaly unsettled = index > 0 ? MODEL_SPLIT : MODEL_TWICE;
        anomaly_at(reading, settled ? MODEL_REPLACED : unsettled, lsn, 0);
    } else if (at_home == lsn) {
        anomaly_at(reading, settled ? MODEL_REPLACED : MODEL_SPLIT, lsn, 0);
    } else {
        bool twice = read[0].lsn <= at_home && at_home < lsn &&
                     read[at_home - read[0].lsn].hash == read[lsn - read[0].lsn].hash;
        anomaly_at(reading, twice ? MODEL_TWICE : MODEL_MISPLACED, lsn, at_home);
    }
}

static void explain(const struct model *model, const struct history_record *record)
{
    struct model_reading *reading = model->reading;
    const struct model_slot *slot = model_content(model, record->lsn);

    anomaly_at(reading, MODEL_STRANGER, record->lsn, 0);
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *known = &model->records[i];
        if (known->hash != record->hash || known->length != record->length) continue;
        const struct model_operation *own = &model->operations[known->operation];
        if (own->fate < MODEL_REFUSED && own->submitted == own->count) {
            explain_living(reading, own, i - own->first_record, record->lsn, slot != NULL);
            return;
        }
        anomaly_at(reading, MODEL_GHOST, record->lsn, 0);
        reading->fate = own->fate < MODEL_REFUSED ? MODEL_REFUSED : own->fate;
    }
}

/* Match what was read at `at`. Returns how many records that covers; 0: none fits. */
static uint32_t match_at(const struct model *model, uint32_t at, uint64_t *used)
{
    struct model_reading *reading = model->reading;
    const struct history_record *record = &reading->observation->records[at];
    const struct model_slot *slot = model_content(model, record->lsn);

    if (slot != NULL) {
        if (slot->hash != record->hash || slot->length != record->length) return 0;
        reading->matches[at] = (struct model_match){slot->operation, slot->index, slot->count};
        return 1;
    }
    struct choice choice = choose(model, at, record->lsn, *used);
    if (choice.limbo < LIMBO_TRACKED_MAX) *used |= UINT64_C(1) << choice.limbo;
    for (uint32_t i = 0; i < choice.run; i++) {
        reading->matches[at + i] = choice.match;
        choice.match.index++;
    }
    return choice.run;
}

static void reading_begin(const struct model *model, const struct history_observation *observation,
                          uint32_t truncation)
{
    struct model_reading *reading = model->reading;

    if (reading->capacity < observation->count) {
        uint32_t capacity = observation->count * 2;
        reading->matches = realloc(reading->matches, capacity * sizeof *reading->matches);
        assert(reading->matches != NULL);
        reading->capacity = capacity;
    }
    reading->observation = observation;
    reading->matched = 0;
    reading->anomaly = MODEL_NO_ANOMALY;
    reading->fate = MODEL_ABSENT;
    reading->lsn = 0;
    reading->other = 0;
    reading->truncation = truncation;
    reading->kept_lsn =
        truncation == MODEL_NONE ? UINT64_MAX : model->truncations[truncation].kept_lsn;
    if (observation->count > 0) {
        reading->last_lsn = observation->records[observation->count - 1].lsn;
    } else {
        reading->last_lsn = observation->from_lsn > 0 ? observation->from_lsn - 1 : 0;
    }
}

bool model_is_known(const struct model *model, const struct history_record *record)
{
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *known = &model->records[i];
        if (known->hash == record->hash && known->length == record->length) return true;
    }
    return false;
}

/* Compare the records from `at` on with what may stand there, up to where that is loose. Returns
 * how many records that covers; 0: an anomaly was found. */
static uint32_t compare_at(const struct model *model, uint32_t at, uint64_t *used)
{
    struct model_reading *reading = model->reading;
    const struct history_record *record = &reading->observation->records[at];

    if (record->lsn > reading->loose_lsn) {
        if (model_is_known(model, record)) return 1;
        anomaly_at(reading, MODEL_STRANGER, record->lsn, 0);
        return 0;
    }
    uint32_t run = match_at(model, at, used);
    if (run == 0) {
        explain(model, record);
        return 0;
    }
    if (at > 0 && !follows(&reading->matches[at - 1], &reading->matches[at])) {
        anomaly_at(reading, MODEL_SPLIT, record->lsn, 0);
        return 0;
    }
    reading->matched = at + run;
    return run;
}

/* Compare, if this truncation happened; MODEL_NONE: if none of the open ones did. */
static void compare(const struct model *model, const struct history_observation *observation,
                    uint32_t truncation)
{
    struct model_reading *reading = model->reading;
    const struct history_record *records = observation->records;
    uint64_t used = 0;

    reading_begin(model, observation, truncation);
    if (observation->open_error != HISTORY_OK || observation->count == 0) return;
    uint64_t from_lsn = observation->from_lsn != 0 ? observation->from_lsn : records[0].lsn;

    for (uint32_t at = 0, run; at < observation->count; at += run) {
        if (records[at].lsn != from_lsn + at) {
            anomaly_at(reading, MODEL_GAP, from_lsn + at, records[at].lsn);
            return;
        }
        run = compare_at(model, at, &used);
        if (run == 0) return;
    }
    if (reading->matched < observation->count) return;
    const struct model_match *last = &reading->matches[observation->count - 1];
    if (observation->read_error == HISTORY_OK && last->index + 1 < last->count) {
        anomaly_at(reading, MODEL_SPLIT, reading->last_lsn, 0);
    }
}

/* Does the log agree about what belongs together? Records of few bytes look alike. */
static bool flags_agree(const struct model_reading *reading)
{
    for (uint32_t i = 0; i < reading->matched; i++) {
        const struct history_record *record = &reading->observation->records[i];
        const struct model_match *match = &reading->matches[i];
        if (record->batch_index != match->index) return false;
        if (record->batch_goes_on != (match->index + 1 < match->count)) return false;
    }
    return true;
}

static bool fits(const struct model *model)
{
    const struct model_reading *reading = model->reading;
    const struct history_observation *observation = reading->observation;

    if (observation->open_error != HISTORY_OK) return true;
    if (reading->anomaly != MODEL_NO_ANOMALY || !flags_agree(reading)) return false;
    if (observation->read_error != HISTORY_OK) return true;
    /* What was durable, but acknowledged to nobody, need not be there if that truncation came. */
    if (model_silent_loss(model) != NULL) return false;
    return reading->last_lsn >= model_must_lsn(model) ||
           model_loss_excused(model, reading->last_lsn + 1);
}

void model_read(const struct model *model, const struct history_observation *observation,
                bool undisturbed, uint64_t loose_lsn)
{
    model->reading->undisturbed = undisturbed;
    model->reading->loose_lsn = loose_lsn;
    compare(model, observation, MODEL_NONE);
    if (model->truncation_count == 0 || !observation->recovery || loose_lsn != UINT64_MAX) return;
    if (fits(model)) return;
    for (uint32_t i = 0; i < model->truncation_count; i++) {
        if (model->truncations[i].over != 0) continue;
        compare(model, observation, i);
        if (fits(model)) return;
    }
    compare(model, observation, MODEL_NONE);
}
