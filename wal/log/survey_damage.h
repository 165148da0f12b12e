/*
 * survey_damage.h - how the parts of the survey report what they find.
 */
#ifndef WAL_LOG_SURVEY_DAMAGE_H
#define WAL_LOG_SURVEY_DAMAGE_H

#include "wal/log/survey.h"

/* Report and remember. WAL_CORRUPT, or WAL_OK if the survey is to go on regardless. */
WAL_CHECKED enum wal_err log_survey_damage(struct log_survey *survey, struct wal_place place);

#endif
