/*
 * rows.c - a row comes back value by value, and what is no row does no harm.
 *
 * Some payloads are rows. Whoever reads them decodes them and compares the values with those that
 * were written; and now and then hands the decoder what somebody changed: cut short, flipped, with
 * a length that is a lie. It must refuse that, or take it for a row of which the bytes are the only
 * form; look at no byte behind the last; and ask for no more memory than the bytes account for.
 */
#include "properties/property_list.h"

static const char *wrong_how(enum history_row row, bool changed)
{
    switch (row) {
    case HISTORY_ROW_GOOD: return NULL;
    case HISTORY_ROW_REFUSED: return changed ? NULL : "a row that was written is refused";
    case HISTORY_ROW_OTHER: return "a row does not have the values that were written";
    case HISTORY_ROW_OUTSIDE: return "a value was decoded from outside the row's bytes";
    case HISTORY_ROW_CHANGED: return "a row was accepted that encodes to other bytes";
    case HISTORY_ROW_GREEDY:
        return "a row made its reader ask for more memory than it accounts for";
    }
    return NULL;
}

static void rows_judge(const void *state, const struct model *model,
                       const struct history_observation *observation, struct verdict *verdict)
{
    const char *wrong = wrong_how(observation->row, observation->row_changed);

    (void)state, (void)model;
    if (observation->row_lsn == 0 || wrong == NULL) return;
    property_break(verdict, wrong, observation->row_lsn, (uint64_t)observation->row);
}

const struct property property_rows = {
    .name = "rows",
    .claim = "A row is decoded to the values that were written, and any other bytes without harm.",
    .judge = rows_judge,
};
