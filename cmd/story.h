/*
 * story.h - one run, collected so that it can be told to people.
 *
 * A run is made once to see what it comes to, written down as a case, and made again from that with
 * everything watched: each event, each row of the history, and the disk at each end of a process
 * and at the boot that followed. So the story of a seed is also that of its reproducer.
 *
 * The run happens in a child process, and the story lies in memory that both share: a run that does
 * not survive itself leaves the story of what it did until then.
 */
#ifndef CMD_STORY_H
#define CMD_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/scenario.h"

enum { STORY_RECORDS_MAX = 4, STORY_SECTORS_MAX = 12, STORY_STEPS_MAX = 10 };

#define STORY_NONE UINT32_MAX

/* One call, decision or end of a process. */
struct story_event {
    uint64_t time_ns;
    uint64_t began_ns; /* When its task was last heard of: the call took no longer than since. */
    uint64_t offset, length;
    const char *words;  /* What the columns do not say; NULL: nothing. */
    const char *struck; /* What a fault did to it; NULL: nothing. */
    bool lied;          /* It said that all is well, and it was not. */
    bool slowed;        /* The fault did nothing but take time. */
    uint32_t lane;
    uint32_t file; /* Index in names; 0: none. */
    uint32_t operation;
    uint32_t instance;
    uint32_t facts; /* Rows of the history before it. */
    uint16_t call;
    uint16_t result;
};

/* A row of the history; its event is the next one after it. */
struct story_fact {
    struct history_event row;
    const char *words;
    uint32_t event;
};

struct story_file {
    const char *name;
    bool named, named_durably; /* Has its name now; and would still after a loss of power. */
    bool unreadable;           /* Some of it cannot be read. */
    const uint8_t *now;        /* What a read gives. */
    const uint8_t *durable;
    uint64_t now_size, durable_size;
};

struct story_disk {
    struct story_file *files;
    uint32_t count;
};

/* The end of a process, and the disk then and at the next boot. */
struct story_stop {
    uint32_t event; /* Index of its line. */
    uint32_t instance;
    uint32_t facts; /* Rows of the history before it. */
    enum sim_stop how;
    bool has_after;
    struct story_disk before, after;
};

/* Where a record, or what was read instead of one, lies in a file. */
struct story_place {
    const char *file; /* NULL: nowhere. */
    uint64_t header;  /* Of its group. */
    uint64_t begin, end;
};

enum story_tone { STORY_PLAIN, STORY_GOOD, STORY_RISK, STORY_BAD };

struct story_step {
    const char *title;
    const char *text;
    uint64_t time_ns;
    uint32_t event; /* Index; STORY_NONE: none. */
    enum story_tone tone;
};

/* A record that the verdict is about. */
struct story_record {
    uint64_t lsn;
    struct story_place place;
    struct story_step steps[STORY_STEPS_MAX];
    uint32_t step_count;
};

struct story_sector {
    const char *file;
    uint64_t sector;
    bool concerned; /* Holds bytes of a record that the verdict is about, or the place it names. */
};

/* All pointers point into memory that goes with the story, or to what is static. */
struct story {
    struct story_memory *memory;
    const char *token; /* How one names the run: SCENARIO:SEED or a file. */
    const char *replay;

    struct run_result result;
    bool ended;        /* The run came to its end within its process. */
    const char *death; /* Else how it did not. */
    const char *last_words;
    struct case_config config;
    const char *case_text; /* The reproducer; NULL: there is none. */
    const char *bug;
    uint32_t struck[FAULT_NUMBER_COUNT];

    struct story_event *events;
    struct story_fact *facts;
    struct story_stop *stops;
    const char **names; /* Of files; the first is "". */
    const char **lanes; /* Of tasks; the first is the world itself. */
    uint32_t event_count, fact_count, stop_count, name_count, lane_count;
    size_t event_capacity, fact_capacity, stop_capacity, name_capacity, lane_capacity;

    /* What was found in it (story_find.c). */
    uint32_t broken_fact; /* The row at which it broke; STORY_NONE: none. */
    uint32_t broken_stop; /* The end of a process before it; STORY_NONE: none. */
    struct story_record records[STORY_RECORDS_MAX];
    uint32_t record_count;
    uint64_t first_lsn, last_lsn; /* All that the verdict is about; 0: no record. */
    struct story_sector sectors[STORY_SECTORS_MAX];
    uint32_t sector_count;
    uint32_t sectors_changed;                /* By that stop, in all files. */
    const char *promised, *happened, *wrong; /* Paragraphs (story_words.c). */
};

struct story_request {
    const char *token;               /* What was typed, */
    const char *replay;              /* and what to type to have it again. */
    const struct scenario *scenario; /* With options: generate. */
    const struct run_options *options;
    const struct run_case *run_case; /* Not NULL: instead of those. */
};

struct story *story_create(void);
void story_destroy(struct story *story);

/* Make the run and collect it. NULL: well; else what is wrong with the harness. */
const char *story_collect(struct story *story, const struct story_request *request);

/* ---- Shared by the files of the story ---- */

/* Zeroed memory that goes with the story. */
void *story_take(struct story *story, size_t bytes);
/* Room for one element more. */
void *story_grown(struct story *story, void *array, size_t count, size_t *capacity, size_t size);
__attribute__((format(printf, 2, 3))) const char *story_text(struct story *story,
                                                             const char *format, ...);
/* Too much was taken: no more bytes of files are kept. */
bool story_is_full(const struct story *story);

struct story_task {
    uint64_t heard_ns;         /* When its last call returned, or it first said something. */
    const struct fault *fault; /* What strikes its call; NULL: nothing. */
    uint16_t call;
};

/* story_watch.c: make the run that is about to be made with these options be collected. */
struct story_watch {
    struct story *story;
    struct runner *runner;
    struct story_task *tasks; /* By number. */
    size_t task_capacity;
    uint32_t newest; /* Process. */
    bool waits;      /* The disk as the next process finds it is still to be looked at. */
};
void story_watch(struct story_watch *watch, struct run_options *options);
void story_watch_end(struct story_watch *watch, const struct run_result *result);

/* story_disk.c: bytes that are as in `like` are shared with it; it may be NULL. */
void story_disk_take(struct story *story, struct disk *disk, const struct story_disk *like,
                     struct story_disk *ret_disk);
const struct story_file *story_file_find(const struct story_disk *disk, const char *name);
enum { STORY_SECTOR_BYTES = DISK_SECTOR_BYTES };
/* The sector's bytes, zeros behind the end; false: it is behind the end, or there is no file. */
bool story_sector_bytes(const uint8_t *bytes, uint64_t size, uint64_t sector,
                        uint8_t ret_bytes[STORY_SECTOR_BYTES]);

/* story_find.c, story_words.c: fill in what the collected says. */
void story_find(struct story *story);
void story_tell(struct story *story);
/* Is broken_stop before the row that broke, so that it can have to do with it? */
bool story_stop_came_first(const struct story *story);
/* story_steps.c: what became of this record. */
void story_steps(struct story *story, struct story_record *record);
/* Of its sectors, the worst: what broken_stop did to it. NULL: it lies in none. */
const char *story_record_fate(const struct story *story, const struct story_record *record,
                              enum story_tone *ret_tone);

/* Put a step into a record's steps, by time. */
void story_step_add(struct story_record *record, struct story_step step);

/* "1.204 ms". */
const char *story_time(struct story *story, uint64_t time_ns);

#endif
