/*
 * batch_atomicity.c - a batch is there whole, or not at all.
 *
 * What belongs together is known twice: from what was submitted as one operation, and from what the
 * log itself says with each record (its index in the batch, and whether the batch goes on). Both
 * must hold. A reading that ended with an error may end inside a batch: its reader knows.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void batch_atomicity_judge(const void *state, const struct model *model,
                                  const struct history_observation *observation,
                                  struct verdict *verdict)
{
    const struct model_reading *reading = model->reading;

    (void)state;
    if (reading->anomaly == MODEL_SPLIT) {
        property_break(verdict, "a part of a batch was returned without the rest", reading->lsn, 0);
        return;
    }
    for (uint32_t i = 0; i < reading->matched; i++) {
        const struct history_record *record = &observation->records[i];
        const struct model_match *match = &reading->matches[i];
        if (record->batch_index == match->index &&
            record->batch_goes_on == (match->index + 1 < match->count)) {
            continue;
        }
        property_break(verdict, "the log tells a record's place in its batch wrongly", record->lsn,
                       record->batch_index);
        return;
    }
}

const struct property property_batch_atomicity = {
    .name = "batch-atomicity",
    .claim = "The records of a batch are returned all together or not at all.",
    .judge = batch_atomicity_judge,
};
