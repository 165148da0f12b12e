/*
 * model.c - folding a history into the book of who may stand where.
 *
 * All is kept in arrays: operations and instances by number, slots by LSN above the lowest one seen
 * (LSNs may start near 2^32). A new history sets the counts to zero and keeps the arrays; an entry
 * is initialised when a count first reaches it.
 */
#include "properties/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_AT_FIRST = 64,
    INSTANCES_MAX = 1 << 20, /* Numbers beyond these are a mistake of the harness. */
    OPERATIONS_MAX = 1 << 28,
    SLOTS_MAX = 1 << 24, /* LSNs further apart than this are a mistake of the log. */
};

/* An array with room for `needed` entries. No memory is the end of the harness, not of a log. */
static void *room(void *entries, size_t entry_size, uint32_t *capacity, uint32_t needed)
{
    uint32_t grown = *capacity == 0 ? ENTRIES_AT_FIRST : *capacity;

    if (needed <= *capacity) return entries;
    while (grown < needed) grown *= 2;
    entries = realloc(entries, grown * entry_size);
    assert(entries != NULL);
    *capacity = grown;
    return entries;
}

void model_init(struct model *model)
{
    *model = (struct model){0};
    model->reading = calloc(1, sizeof *model->reading);
    assert(model->reading != NULL);
    model_begin(model);
}

void model_free(struct model *model)
{
    free(model->operations);
    free(model->records);
    free(model->slots);
    free(model->instances);
    free(model->reading->matches);
    free(model->reading);
}

void model_begin(struct model *model)
{
    model->operation_count = 0;
    model->record_count = 0;
    model->slot_count = 0;
    model->slot_base = 0;
    model->limbo = MODEL_NONE;
    model->limbo_last = MODEL_NONE;
    model->batch_max = 1;
    model->session = 0;
    model->floor_lsn = UINT64_MAX;
    model->must_lsn = 0;
    model->served_lsn = 0;
    model->truncation_count = 0;
    model->floor_asked_lsn = 0;
    model->floor_min_lsn = 0;
    memset(model->pins, 0, sizeof model->pins);
    model->damage_count = 0;
    model->damage_last = false;
    model->loss_count = 0;
    model->instance_count = 0;
    model->excused_unheard = 0;
    model->excused_for_good = 0;
    model->now = 0;
    model->reading->observation = NULL;
}

/* ---- Lookups ---- */

static struct model_slot *slot_find(const struct model *model, uint64_t lsn)
{
    if (lsn < model->slot_base || lsn - model->slot_base >= model->slot_count) return NULL;
    return &model->slots[lsn - model->slot_base];
}

static bool is_settled(const struct model *model, uint64_t lsn)
{
    const struct model_slot *slot = slot_find(model, lsn);

    return slot != NULL && slot->count != 0;
}

const struct model_slot *model_slot(const struct model *model, uint64_t lsn)
{
    return slot_find(model, lsn);
}

const struct model_operation *model_operation(const struct model *model, uint32_t operation)
{
    if (operation >= model->operation_count) return NULL;
    return &model->operations[operation];
}

bool model_plausible(const struct model *model, const struct model_operation *operation,
                     uint64_t first_lsn, uint64_t last_lsn)
{
    if (first_lsn == 0 || last_lsn < first_lsn) return false;
    if (last_lsn - first_lsn != operation->count - 1) return false;
    if (model->slot_count == 0) return last_lsn < UINT64_MAX / 2;
    return last_lsn < model->slot_base + SLOTS_MAX &&
           model->slot_base + model->slot_count - 1 < first_lsn + SLOTS_MAX;
}

/* ---- Slots ---- */

static void slots_rebase(struct model *model, uint64_t base)
{
    uint32_t more = (uint32_t)(model->slot_base - base);

    model->slots =
        room(model->slots, sizeof *model->slots, &model->slot_capacity, model->slot_count + more);
    memmove(model->slots + more, model->slots, model->slot_count * sizeof *model->slots);
    for (uint32_t i = 0; i < more; i++) {
        model->slots[i] = (struct model_slot){.candidates = MODEL_NONE};
    }
    model->slot_count += more;
    model->slot_base = base;
}

/* Make the slots of plausible LSNs. */
static void slots_reach(struct model *model, uint64_t first_lsn, uint64_t last_lsn)
{
    if (model->slot_count == 0) model->slot_base = first_lsn;
    if (first_lsn < model->slot_base) slots_rebase(model, first_lsn);

    uint32_t needed = (uint32_t)(last_lsn - model->slot_base + 1);
    if (needed <= model->slot_count) return;
    model->slots = room(model->slots, sizeof *model->slots, &model->slot_capacity, needed);
    while (model->slot_count < needed) {
        model->slots[model->slot_count++] = (struct model_slot){.candidates = MODEL_NONE};
    }
}

/* Might this candidate be the one that begins with this content? */
static bool looks_like(const struct model *model, const struct model_operation *candidate,
                       const struct model_slot *content)
{
    const struct model_record *record = &model->records[candidate->first_record];

    return content->index == 0 && content->count == candidate->count &&
           content->hash == record->hash && content->length == record->length;
}

/* The slot's content is known. `operation` holds it, or MODEL_NONE. Candidates that look different
 * have lost their LSN for good; one that looks the same might be the one that was served. */
static void slot_settle(struct model *model, uint64_t lsn, uint32_t operation,
                        const struct model_slot *content)
{
    struct model_slot *slot = slot_find(model, lsn);
    uint32_t candidate = slot->candidates;
    uint64_t commit_ns = slot->count != 0 ? slot->commit_ns : 0;

    *slot = *content;
    slot->commit_ns = commit_ns;
    slot->operation = operation;
    slot->candidates = MODEL_NONE;
    if (lsn < model->floor_lsn) model->floor_lsn = lsn;
    while (candidate != MODEL_NONE) {
        struct model_operation *other = &model->operations[candidate];
        if (candidate != operation && other->fate == MODEL_ACCEPTED &&
            !looks_like(model, other, content)) {
            other->fate = MODEL_SUPERSEDED;
        }
        candidate = other->next;
    }
}

static struct model_slot content_of(const struct model *model, uint32_t operation, uint32_t index)
{
    const struct model_operation *own = &model->operations[operation];
    const struct model_record *record = &model->records[own->first_record + index];

    return (struct model_slot){.hash = record->hash,
                               .length = record->length,
                               .operation = operation,
                               .index = index,
                               .count = own->count};
}

/* Does nothing that is known speak against its standing at its LSNs? */
static bool operation_agrees(const struct model *model, uint32_t operation)
{
    const struct model_operation *own = &model->operations[operation];

    for (uint32_t i = 0; i < own->count; i++) {
        const struct model_slot *slot = slot_find(model, own->first_lsn + i);
        if (!model_agrees(model, slot, operation, i)) return false;
    }
    return true;
}

/* The operation stands at its LSNs, by the log's own word, if nobody else does. */
static void operation_settle(struct model *model, uint32_t operation)
{
    struct model_operation *own = &model->operations[operation];

    own->fate = operation_agrees(model, operation) ? MODEL_SETTLED : MODEL_SUPERSEDED;
    if (own->fate == MODEL_SUPERSEDED) return;
    for (uint32_t i = 0; i < own->count; i++) {
        struct model_slot content = content_of(model, operation, i);
        slot_settle(model, own->first_lsn + i, operation, &content);
    }
}

/* ---- Operations ---- */

static void limbo_add(struct model *model, uint32_t operation)
{
    struct model_operation *own = &model->operations[operation];

    own->next = MODEL_NONE;
    own->previous = model->limbo_last;
    if (model->limbo_last == MODEL_NONE) {
        model->limbo = operation;
    } else {
        model->operations[model->limbo_last].next = operation;
    }
    model->limbo_last = operation;
}

static void limbo_remove(struct model *model, uint32_t operation)
{
    struct model_operation *own = &model->operations[operation];

    if (own->previous == MODEL_NONE) {
        model->limbo = own->next;
    } else {
        model->operations[own->previous].next = own->next;
    }
    if (own->next == MODEL_NONE) {
        model->limbo_last = own->previous;
    } else {
        model->operations[own->next].previous = own->previous;
    }
    own->next = MODEL_NONE;
    own->previous = MODEL_NONE;
}

struct model_operation *model_operation_make(struct model *model, uint32_t operation)
{
    assert(operation < OPERATIONS_MAX);
    model->operations = room(model->operations, sizeof *model->operations,
                             &model->operation_capacity, operation + 1);
    while (model->operation_count <= operation) {
        model->operations[model->operation_count++] =
            (struct model_operation){.next = MODEL_NONE, .previous = MODEL_NONE};
    }
    return &model->operations[operation];
}

struct model_instance *model_instance_make(struct model *model, uint32_t instance)
{
    assert(instance < INSTANCES_MAX);
    model->instances =
        room(model->instances, sizeof *model->instances, &model->instance_capacity, instance + 1);
    while (model->instance_count <= instance) {
        model->instances[model->instance_count++] = (struct model_instance){0};
    }
    return &model->instances[instance];
}

static void take_submitted(struct model *model, const struct history_event *event)
{
    if (event->operation == HISTORY_NO_OPERATION) return;
    assert(event->index < event->count);
    struct model_operation *own = model_operation_make(model, event->operation);

    if (own->fate == MODEL_ABSENT) {
        model->records = room(model->records, sizeof *model->records, &model->record_capacity,
                              model->record_count + event->count);
        own->fate = MODEL_LIMBO;
        own->count = event->count;
        own->over_limit = event->flag;
        own->gives_up = event->error == HISTORY_GAVE_UP;
        own->session = model->session;
        own->submitter = event->instance;
        own->begun = model->now;
        own->over = model_instance_make(model, event->instance)->over;
        own->first_record = model->record_count;
        for (uint32_t i = 0; i < event->count; i++) {
            model->records[model->record_count++].operation = event->operation;
        }
        if (model->batch_max < event->count) model->batch_max = event->count;
        limbo_add(model, event->operation);
    }
    assert(own->fate == MODEL_LIMBO && own->count == event->count);
    model->records[own->first_record + event->index] = (struct model_record){
        .hash = event->hash, .length = event->length, .operation = event->operation};
    own->submitted++;
}

/* An instance that gives an LSN away has decided that nothing of earlier ones stands there. */
static void drop_of_others(struct model *model, uint64_t first_lsn, uint32_t instance)
{
    for (uint64_t lsn = first_lsn; slot_find(model, lsn) != NULL; lsn++) {
        uint32_t candidate = slot_find(model, lsn)->candidates;
        while (candidate != MODEL_NONE) {
            struct model_operation *other = &model->operations[candidate];
            if (other->fate == MODEL_ACCEPTED && other->instance != instance) {
                other->fate = MODEL_DROPPED;
            }
            candidate = other->next;
        }
    }
}

/* Everything of earlier sessions above `last_lsn` is lost for good. */
static void drop_above(struct model *model, uint64_t last_lsn)
{
    uint32_t first = 0;

    if (last_lsn >= model->slot_base) {
        uint64_t below = last_lsn - model->slot_base + 1;
        first = below < model->slot_count ? (uint32_t)below : model->slot_count;
    }
    uint32_t kept = first;
    for (uint32_t i = first; i < model->slot_count; i++) {
        struct model_slot *slot = &model->slots[i];
        if (slot->count != 0 && slot->operation != MODEL_NONE) {
            model->operations[slot->operation].fate = MODEL_DROPPED;
        }
        slot->count = 0;
        for (uint32_t each = slot->candidates; each != MODEL_NONE;) {
            struct model_operation *own = &model->operations[each];
            if (own->fate == MODEL_ACCEPTED && own->session == model->session) {
                uint32_t end = i + own->count;
                if (kept < end) kept = end;
            } else if (own->fate == MODEL_ACCEPTED) {
                own->fate = MODEL_DROPPED;
            }
            each = own->next;
        }
    }
    if (kept < model->slot_count) model->slot_count = kept;
}

static void drop_limbo(struct model *model)
{
    for (uint32_t limbo = model->limbo, next; limbo != MODEL_NONE; limbo = next) {
        struct model_operation *own = &model->operations[limbo];
        next = own->next;
        if (own->session == model->session) continue;
        limbo_remove(model, limbo);
        own->fate = MODEL_DROPPED;
    }
}

/* Nobody may have seen the recovery that lost records to damage: then giving one's LSN away is the
 * first that is heard of it. */
static void drop_given_away(struct model *model, uint64_t lsn, uint32_t instance)
{
    const struct model_slot *slot = slot_find(model, lsn);

    if (!is_settled(model, lsn) || !model_loss_excused(model, lsn)) return;
    bool of_before = slot->operation == MODEL_NONE
                         ? lsn <= model->served_lsn
                         : model->operations[slot->operation].instance != instance;
    if (!of_before) return;
    drop_above(model, lsn - 1);
    model->must_lsn = lsn - 1;
    if (model->served_lsn >= lsn) model->served_lsn = lsn - 1;
}

static void take_accepted(struct model *model, const struct history_event *event)
{
    if (event->operation >= model->operation_count) return;
    struct model_operation *own = &model->operations[event->operation];
    if (own->fate != MODEL_LIMBO) return;
    if (!model_plausible(model, own, event->first_lsn, event->last_lsn)) return;

    limbo_remove(model, event->operation);
    drop_of_others(model, event->first_lsn, event->instance);
    drop_given_away(model, event->first_lsn, event->instance);
    slots_reach(model, event->first_lsn, event->last_lsn);
    own->first_lsn = event->first_lsn;
    own->instance = event->instance;
    own->fate = MODEL_ACCEPTED;
    own->accepted = model->now;

    /* What is settled there may be truncated, for all we know. */
    bool may_be_free = model_kept_since(model, own->begun) < event->last_lsn;
    if (!may_be_free && !operation_agrees(model, event->operation)) {
        own->fate = MODEL_SUPERSEDED;
    } else if (may_be_free || !is_settled(model, own->first_lsn)) {
        struct model_slot *slot = slot_find(model, own->first_lsn);
        own->next = slot->candidates;
        slot->candidates = event->operation;
    }
}

static void take_acked(struct model *model, const struct history_event *event)
{
    uint64_t acked_lsn = model_acked_lsn(model, event);

    if (model->must_lsn < acked_lsn) model->must_lsn = acked_lsn;
    if (event->operation >= model->operation_count) return;
    const struct model_operation *own = &model->operations[event->operation];
    if (own->fate == MODEL_ABSENT) return;
    /* Who is told what is durable because his own records are not. */
    if (event->last_lsn < own->first_lsn + own->count - 1) return;
    struct model_instance *submitter = model_instance_make(model, own->submitter);
    if (submitter->over < own->begun) submitter->over = own->begun;
    if (own->fate == MODEL_ACCEPTED && acked_lsn >= own->first_lsn + own->count - 1) {
        operation_settle(model, event->operation);
    }
}

static void take_failed(struct model *model, const struct history_event *event)
{
    model_take_cut_failed(model, event);
    if (event->operation >= model->operation_count) return;
    struct model_operation *own = &model->operations[event->operation];
    if (own->fate == MODEL_LIMBO) {
        limbo_remove(model, event->operation);
        own->fate = MODEL_REFUSED;
        return;
    }
    if (own->fate != MODEL_ACCEPTED) return;
    /* Only these say that its bytes are gone; after any other error nobody knows. */
    if (event->error == HISTORY_NOSPACE || event->error == HISTORY_ROLLED_BACK) {
        own->fate = MODEL_ROLLED_BACK;
    } else if (event->error == HISTORY_CUT_OFF) {
        own->fate = MODEL_TRUNCATED;
    }
}

/* ---- Observations ---- */

/* Is another in this list that begins alike? */
static bool another_like_it(const struct model *model, uint32_t list, uint32_t operation)
{
    const struct model_record *head = &model->records[model->operations[operation].first_record];

    while (list != MODEL_NONE) {
        const struct model_operation *other = &model->operations[list];
        const struct model_record *record = &model->records[other->first_record];
        bool alive = other->fate == MODEL_ACCEPTED || other->fate == MODEL_LIMBO;
        if (list != operation && alive && record->hash == head->hash &&
            record->length == head->length) {
            return true;
        }
        list = other->next;
    }
    return false;
}

/* Is it open whose record was served? In limbo nobody has an LSN yet, and records of few bytes look
 * alike. Then the slot is settled without an operation, for the whole batch. */
static bool anonymous(const struct model *model, uint64_t lsn, const struct model_match *match)
{
    if (model->operations[match->operation].fate == MODEL_LIMBO) return true;

    const struct model_slot *head = slot_find(model, lsn - match->index);
    if (head->count != 0) return head->operation == MODEL_NONE;
    return another_like_it(model, head->candidates, match->operation) ||
           another_like_it(model, model->limbo, match->operation);
}

/* As it was served, nobody knows whose. */
static void settle_served(struct model *model, const struct history_record *record,
                          const struct model_match *match)
{
    const struct model_slot content = {.hash = record->hash,
                                       .length = record->length,
                                       .index = match->index,
                                       .count = match->count};

    slots_reach(model, record->lsn, record->lsn);
    slot_settle(model, record->lsn, MODEL_NONE, &content);
}

static void settle_reading(struct model *model, const struct model_reading *reading)
{
    for (uint32_t i = 0; i < reading->matched; i++) {
        const struct history_record *record = &reading->observation->records[i];
        const struct model_match *match = &reading->matches[i];
        if (is_settled(model, record->lsn)) continue;
        if (match->index > 0 && !is_settled(model, record->lsn - match->index)) {
            /* Reading began inside a batch, which is not enough to know it. But where the log
             * begins inside one, that is all that anybody will ever see of it. */
            bool known = model->operations[match->operation].fate == MODEL_ACCEPTED;
            if (!reading->observation->recovery) continue;
            if (known) operation_settle(model, match->operation);
            if (!known) settle_served(model, record, match);
            continue;
        }
        if (!anonymous(model, record->lsn, match)) {
            operation_settle(model, match->operation); /* Whole, since batches are. */
            continue;
        }
        if (i - match->index + match->count > reading->matched) return; /* Cut by an error. */
        settle_served(model, record, match);
    }
}

static void remember_times(struct model *model, const struct model_reading *reading)
{
    for (uint32_t i = 0; i < reading->matched; i++) {
        const struct history_record *record = &reading->observation->records[i];
        struct model_slot *slot = slot_find(model, record->lsn);
        if (slot == NULL || slot->count == 0 || slot->commit_ns != 0) continue;
        slot->commit_ns = record->commit_ns;
    }
}

static void take_observed(struct model *model, const struct history_event *event)
{
    const struct history_observation *observation = event->observation;
    const struct model_reading *reading = model->reading;

    assert(reading->observation == observation);
    if (observation->open_error != HISTORY_OK) return;
    if (reading->truncation != MODEL_NONE) {
        model_truncate(model, &model->truncations[reading->truncation]);
    }
    settle_reading(model, reading);
    remember_times(model, reading);
    uint64_t served_lsn =
        reading->last_lsn < reading->loose_lsn ? reading->last_lsn : reading->loose_lsn;
    if (observation->count > 0 && model->must_lsn < served_lsn) model->must_lsn = served_lsn;
    if (!observation->recovery) return;
    model_take_floor(model, observation);
    if (observation->read_error != HISTORY_OK) return;
    model->truncation_count = 0;

    drop_above(model, reading->last_lsn);
    drop_limbo(model);
    model->must_lsn = reading->last_lsn;
    model->served_lsn = reading->last_lsn;
    model->loss_count = 0;
    for (uint32_t i = 0; i < model->damage_count; i++) {
        if (model->damages[i].first_lsn > reading->last_lsn) model->damages[i].spent = true;
    }
}

/* ---- What the world did ---- */

static void take_booted(struct model *model, const struct history_event *event)
{
    *model_instance_make(model, event->instance) = (struct model_instance){0};
    model->session++;
    for (uint32_t i = 0; i < model->damage_count; i++) model->damages[i].booted = true;
}

static void take_closed(struct model *model, const struct history_event *event)
{
    struct model_instance *instance = model_instance_make(model, event->instance);

    model_instance_closed(instance);
    model->session++;
}

void model_take(struct model *model, const struct history_event *event)
{
    model->now++;
    switch (event->kind) {
    case HISTORY_BOOTED: take_booted(model, event); break;
    case HISTORY_ASKED: model_take_asked(model, event); break;
    case HISTORY_TRUNCATING: model_take_truncating(model, event); break;
    case HISTORY_TRUNCATED: model_take_truncated(model, event); break;
    case HISTORY_PRUNING: model_take_pruning(model, event); break;
    case HISTORY_PRUNED: model_take_pruned(model, event); break;
    case HISTORY_PINNING:
    case HISTORY_PINNED:
    case HISTORY_UNPINNED: model_take_pin(model, event); break;
    case HISTORY_SUBMITTED: take_submitted(model, event); break;
    case HISTORY_ACCEPTED: take_accepted(model, event); break;
    case HISTORY_ACKED: take_acked(model, event); break;
    case HISTORY_FAILED: take_failed(model, event); break;
    case HISTORY_OBSERVED: take_observed(model, event); break;
    case HISTORY_CLOSED: take_closed(model, event); break;
    case HISTORY_CRASHED: model->session++; break;
    case HISTORY_INJECTED: model_take_injected(model, event); break;
    case HISTORY_DAMAGED: model_take_damaged(model, event); break;
    case HISTORY_LIFTED: model_take_lifted(model); break;
    case HISTORY_UNDISTURBED:
    case HISTORY_COPIED:
    case HISTORY_REPAIRED:
    case HISTORY_HEALED:
    case HISTORY_LEAKED:
    case HISTORY_STUCK:
    case HISTORY_DIVERGED:
    case HISTORY_ENDED:
    case HISTORY_KIND_COUNT: break;
    }
    model->damage_last = event->kind == HISTORY_DAMAGED;
}
