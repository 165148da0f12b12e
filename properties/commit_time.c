/*
 * commit_time.c - the time of a commit orders as the LSNs do, and never changes.
 *
 * The log stamps each commit with a time that is monotone whatever the clock on the wall does: to
 * find a record by its time is to search in order. So it may not decrease from one record to the
 * next, the records of a batch were one commit, and a record that is read again, by another
 * process, after a takeover that moved it, shows the time it showed first.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void commit_time_judge(const void *state, const struct model *model,
                              const struct history_observation *observation,
                              struct verdict *verdict)
{
    const struct history_record *before = NULL;

    (void)state;
    for (uint32_t i = 0; i < model->reading->matched && !verdict->broken; i++) {
        const struct history_record *record = &observation->records[i];
        const struct model_slot *slot = model_content(model, record->lsn);
        bool known = slot != NULL && slot->commit_ns != 0;

        if (known && slot->commit_ns != record->commit_ns) {
            property_break(verdict, "a record shows another commit time than it did before",
                           record->lsn, slot->commit_ns);
        } else if (before != NULL && record->commit_ns < before->commit_ns) {
            property_break(verdict, "commit times go back from one record to the next", record->lsn,
                           before->commit_ns);
        } else if (before != NULL && record->batch_index > 0 &&
                   record->commit_ns != before->commit_ns) {
            property_break(verdict, "the records of a batch show different commit times",
                           record->lsn, before->commit_ns);
        }
        before = record;
    }
}

const struct property property_commit_time = {
    .name = "commit-time",
    .claim = "Commit times never decrease with the LSN, are one for a batch, and never change.",
    .judge = commit_time_judge,
};
