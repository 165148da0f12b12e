/*
 * shrink.c - trying smaller cases, and remembering what came of it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cmd/set_up.h"
#include "cmd/shrink_pass.h"
#include "cmd/squall.h"

/* A run that takes so many times longer than the slowest one so far hangs; but no less than this,
 * and no more: the limit of time is asked between runs only. */
#define PATIENCE_NS UINT64_C(100000000)
#define PATIENCE_NS_MAX UINT64_C(1000000000)
enum { PATIENCE_TIMES = 50 };

/* ---- Sizes ---- */

static uint64_t operation_rank(const struct operation *operation)
{
    return (uint64_t)operation->kind * 16 + operation->records + operation->client +
           (operation->noise != 0) + operation->content;
}

struct shrink_size shrink_size_of(const struct run_case *run_case)
{
    struct shrink_size size = {.operations = run_case->operation_count,
                               .decisions = run_case->decision_count,
                               .set_up = set_up_distance(&run_case->config)};

    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        const struct operation *operation = &run_case->operations[i];
        size.kinds += operation_rank(operation);
        size.bytes += operation->argument / 1000;
        for (uint32_t j = 0; j < operation->records; j++) size.bytes += operation->lengths[j];
    }
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        size.outcomes += run_case->decisions[i].outcome;
        size.ordinals += run_case->decisions[i].ordinal;
    }
    return size;
}

bool shrink_smaller(const struct shrink_size *a, const struct shrink_size *b)
{
    const uint64_t left[] = {a->operations, a->decisions, a->outcomes, a->kinds,
                             a->bytes,      a->set_up,    a->ordinals};
    const uint64_t right[] = {b->operations, b->decisions, b->outcomes, b->kinds,
                              b->bytes,      b->set_up,    b->ordinals};

    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        if (left[i] != right[i]) return left[i] < right[i];
    }
    return false;
}

/* ---- What was tried ---- */

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t len)
{
    return len == 0 ? hash : XXH3_64bits_withSeed(bytes, len, hash);
}

/* Of all that a run of it depends on. */
static uint64_t case_hash(const struct run_case *run_case)
{
    uint64_t hash = hash_more(1, &run_case->config, sizeof run_case->config);

    hash = hash_more(hash, run_case->operations,
                     run_case->operation_count * sizeof run_case->operations[0]);
    for (uint32_t i = 0; i < run_case->who_count; i++) {
        const struct sim_who *who = &run_case->whos[i];
        const uint32_t words[] = {(uint32_t)who->kind, who->operation, who->nth,
                                  (uint32_t)who->cause};
        hash = hash_more(hash, words, sizeof words);
        hash = hash_more(hash, who->task, strlen(who->task));
    }
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        const struct case_decision *decision = &run_case->decisions[i];
        const uint32_t words[] = {decision->who, (uint32_t)decision->kind << 8 | decision->call,
                                  decision->ordinal, decision->outcome};
        hash = hash_more(hash, words, sizeof words);
    }
    return hash != 0 ? hash : 1;
}

/* True if it was tried before; from now on it was. */
static bool tried(struct shrink *shrink, const struct run_case *run_case)
{
    const uint64_t hash = case_hash(run_case);
    uint64_t *slot = &shrink->memo[hash % SHRINK_MEMO];
    const bool known = *slot == hash;

    *slot = hash;
    return known;
}

/* ---- Slips ---- */

static struct shrink_signature signature_of(const struct trial_outcome *outcome)
{
    struct shrink_signature signature = {.cause = outcome->cause};

    memcpy(signature.property, outcome->property, sizeof signature.property);
    memcpy(signature.why, outcome->why, sizeof signature.why);
    return signature;
}

static bool same_signature(const struct shrink_signature *a, const struct shrink_signature *b)
{
    return strcmp(a->property, b->property) == 0 && strcmp(a->why, b->why) == 0 &&
           a->cause == b->cause;
}

/* Of each sort the smallest. */
static void keep_slip(struct shrink *shrink, const struct shrink_signature *signature)
{
    const struct run_case *found = trial_case(shrink->trial);
    uint32_t i = 0;

    while (i < shrink->slip_count && !same_signature(signature, &shrink->slips[i].signature)) i++;
    if (i == SHRINK_SLIPS_MAX || found == NULL) return;
    struct shrink_slip *slip = &shrink->slips[i];
    if (i < shrink->slip_count) {
        const struct shrink_size was = shrink_size_of(&slip->run_case), is = shrink_size_of(found);
        if (!shrink_smaller(&is, &was)) return;
    } else {
        shrink->slip_count++;
    }
    slip->signature = *signature;
    case_copy(&slip->run_case, found);
}

/* ---- Attempts ---- */

struct run_case *shrink_draft(struct shrink *shrink)
{
    case_copy(&shrink->draft, &shrink->best);
    return &shrink->draft;
}

static bool enough(struct shrink *shrink)
{
    const struct shrink_limits *limits = &shrink->limits;

    if (shrink->over || shrink->broken) return true;
    shrink->over = (limits->stop != NULL && *limits->stop != 0) ||
                   (limits->runs_max != 0 && shrink->runs >= limits->runs_max) ||
                   (limits->for_ns != 0 && squall_now_ns() - shrink->began_ns >= limits->for_ns);
    return shrink->over;
}

/* One run. Hanging ones must not eat up the time. */
static bool run_draft(struct shrink *shrink, struct trial_outcome *ret_outcome)
{
    uint64_t patience_ns = PATIENCE_TIMES * shrink->slowest_ns;

    if (patience_ns < PATIENCE_NS) patience_ns = PATIENCE_NS;
    if (patience_ns > PATIENCE_NS_MAX) patience_ns = PATIENCE_NS_MAX;
    shrink->options.patience_ns = patience_ns;
    if (!trial_run(shrink->trial, &shrink->draft, &shrink->options, ret_outcome)) {
        shrink->broken = true;
        return false;
    }
    shrink->runs++;
    if (ret_outcome->processor_ns > shrink->slowest_ns) {
        shrink->slowest_ns = ret_outcome->processor_ns;
    }
    if (shrink->limits.on_progress != NULL) shrink->limits.on_progress(shrink->limits.context);
    return true;
}

/* Where the run left nothing, it was what was tried. */
static const struct run_case *effective(const struct shrink *shrink)
{
    const struct run_case *run_case = trial_case(shrink->trial);

    return run_case != NULL ? run_case : &shrink->draft;
}

/* The draft's size, if it fails in the same way. */
static bool fails_alike(struct shrink *shrink, struct shrink_size *ret_size)
{
    struct trial_outcome outcome;

    if (case_invalid(&shrink->draft) != NULL || !set_up_allowed(&shrink->draft.config))
        return false;
    if (enough(shrink)) return false;
    if (tried(shrink, &shrink->draft) || !run_draft(shrink, &outcome)) return false;
    if (outcome.property[0] == '\0') return false;
    const struct shrink_signature signature = signature_of(&outcome);
    if (!same_signature(&signature, &shrink->signature)) {
        keep_slip(shrink, &signature);
        return false;
    }
    *ret_size = shrink_size_of(effective(shrink));
    return true;
}

bool shrink_attempt(struct shrink *shrink)
{
    struct shrink_size size;

    if (!fails_alike(shrink, &size) || !shrink_smaller(&size, &shrink->size)) return false;
    case_copy(&shrink->best, effective(shrink));
    shrink->size = size;
    return true;
}

bool shrink_step(struct shrink *shrink)
{
    struct shrink_size size;

    if (!fails_alike(shrink, &size)) return false;
    case_copy(&shrink->best, effective(shrink));
    shrink->size = size;
    return true;
}

void shrink_runs(struct shrink *shrink, const uint32_t *count,
                 bool (*without)(struct shrink *shrink, uint32_t first, uint32_t count))
{
    for (uint32_t length = *count; length > 0; length /= 2) {
        uint32_t end = *count;
        while (end > 0) {
            const uint32_t first = end > length ? end - length : 0;
            (void)without(shrink, first, end - first);
            end = first < *count ? first : *count; /* More may have gone than was asked for. */
        }
    }
}

/* ---- From beginning to end ---- */

bool shrink_begin(struct shrink *shrink, struct trial *trial, const struct run_case *from,
                  const struct trial_options *options, const struct shrink_limits *limits,
                  struct trial_outcome *ret_outcome)
{
    memset(shrink, 0, sizeof *shrink);
    shrink->trial = trial;
    shrink->options = *options;
    shrink->limits = *limits;
    shrink->began_ns = squall_now_ns();
    shrink->slowest_ns = UINT64_C(40000000); /* Nobody knows yet: be patient. */
    case_copy(&shrink->draft, from);
    if (!run_draft(shrink, ret_outcome) || ret_outcome->property[0] == '\0') return false;
    shrink->slowest_ns = ret_outcome->processor_ns;
    shrink->signature = signature_of(ret_outcome);
    case_copy(&shrink->best, effective(shrink));
    shrink->size = shrink_size_of(&shrink->best);
    return true;
}

void shrink_run(struct shrink *shrink)
{
    struct shrink_size before;

    do {
        before = shrink->size;
        shrink_operations(shrink);
        shrink_decisions(shrink);
        if (shrink_smaller(&shrink->size, &before)) continue; /* Fewer first, simpler then. */
        shrink_simplify(shrink);
        shrink_outcomes(shrink);
        shrink_set_up(shrink);
        if (!shrink_smaller(&shrink->size, &before)) shrink_detours(shrink);
        if (!shrink_smaller(&shrink->size, &before)) shrink_merge(shrink);
        if (!shrink_smaller(&shrink->size, &before)) shrink_pairs(shrink);
    } while (shrink_smaller(&shrink->size, &before) && !enough(shrink));
}

void shrink_free(struct shrink *shrink)
{
    case_free(&shrink->best);
    case_free(&shrink->draft);
    for (uint32_t i = 0; i < shrink->slip_count; i++) case_free(&shrink->slips[i].run_case);
}
