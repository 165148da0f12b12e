/*
 * report_html.c - a story as one HTML file that needs nothing but a browser.
 *
 * The page is cmd/report_page.html with three places to fill: its style, its script, and the story
 * as JSON. What the run holds of names and bytes is put into JSON strings only, and no '<' leaves
 * this file unescaped in them: so nothing in a run can end the block or be taken for markup.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/report_html.h"
#include "cmd/story_fate.h"
#include "cmd/trace_words.h"
#include "faults/fault.h"
#include "scenarios/decoder.h"

/* What report_page.js knows events by that are no calls. */
enum { RESULT_DECISION = -1, RESULT_STOP = -2 };

static const char *const tones[] = {
    [STORY_PLAIN] = "plain", [STORY_GOOD] = "good", [STORY_RISK] = "risk", [STORY_BAD] = "bad"};

static void text(FILE *out, const char *words)
{
    json_string(out, words, strlen(words));
}

static void member(FILE *out, const char *name, const char *words)
{
    fprintf(out, "\"%s\":", name);
    text(out, words != NULL ? words : "");
    fputs(",\n", out);
}

/* Longs are numbers as far as JavaScript counts exactly; what may be longer is text. */
static void long_text(FILE *out, uint64_t value)
{
    fprintf(out, "\"%" PRIu64 "\"", value);
}

static int64_t operation_number(uint32_t operation)
{
    return operation == HISTORY_NO_OPERATION ? -1 : (int64_t)operation;
}

/* ---- Events and history ---- */

static int result_number(const struct story_event *event)
{
    if (event->result == SIM_TRACE_DECISION) return RESULT_DECISION;
    if (event->result == SIM_TRACE_STOP) return RESULT_STOP;
    return event->result;
}

static bool has_place(const struct story_event *event)
{
    const struct sim_trace_event as = {.call = event->call, .result = event->result};

    return trace_has_place(&as);
}

static void optional(FILE *out, const char *words)
{
    fputc(',', out);
    if (words == NULL) {
        fputc('0', out);
    } else {
        text(out, words);
    }
}

static void write_event(FILE *out, const struct story_event *event)
{
    fprintf(out, "[%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%u,%" PRIu32,
            event->began_ns, event->time_ns, event->lane, event->instance,
            operation_number(event->operation), (unsigned)event->call, event->file);
    if (has_place(event)) {
        fprintf(out, ",%" PRIu64 ",%" PRIu64, event->offset, event->length);
    } else {
        fputs(",-1,0", out);
    }
    fprintf(out, ",%d,%" PRIu32, result_number(event), event->facts);
    optional(out, event->words);
    optional(out, event->struck);
    fputs(event->lied ? ",1]" : "]", out);
}

static void write_fact(FILE *out, const struct story_fact *fact)
{
    const struct history_event *row = &fact->row;

    fprintf(out, "[%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRId64 ",", fact->event, row->time_ns,
            row->instance, operation_number(row->operation));
    text(out, fact->words);
    fputc(',', out);
    text(out, history_kind_name(row->kind));
    fprintf(out, ",%d]", trace_fact_mark(row) == '!');
}

static void write_names(FILE *out, const char *member_name, const char *const *names, size_t count)
{
    fprintf(out, "\"%s\":[", member_name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) fputc(',', out);
        text(out, names[i]);
    }
    fputs("],\n", out);
}

static void write_call_names(FILE *out)
{
    const char *calls[SIM_CALL_COUNT], *errors[WAL_ERR_COUNT];

    for (int i = 0; i < SIM_CALL_COUNT; i++) calls[i] = sim_call_name((enum sim_call)i);
    for (int i = 0; i < WAL_ERR_COUNT; i++) errors[i] = wal_err_name((enum wal_err)i);
    write_names(out, "calls", calls, SIM_CALL_COUNT);
    write_names(out, "errors", errors, WAL_ERR_COUNT);
}

static void write_run(FILE *out, const struct story *story)
{
    write_names(out, "files", story->names, story->name_count);
    write_names(out, "lanes", story->lanes, story->lane_count);
    write_call_names(out);
    fputs("\"events\":[", out);
    for (uint32_t i = 0; i < story->event_count; i++) {
        if (i > 0) fputs(",\n", out);
        write_event(out, &story->events[i]);
    }
    fputs("],\n\"facts\":[", out);
    for (uint32_t i = 0; i < story->fact_count; i++) {
        if (i > 0) fputs(",\n", out);
        write_fact(out, &story->facts[i]);
    }
    fputs("],\n", out);
}

/* From each boot to the end of the process; the last may have none. */
static void write_processes(FILE *out, const struct story *story)
{
    const char *comma = "";

    fputs("\"processes\":[", out);
    for (uint32_t i = 0; i < story->fact_count; i++) {
        const struct history_event *row = &story->facts[i].row;
        if (row->kind != HISTORY_BOOTED) continue;
        uint64_t end_ns =
            story->event_count > 0 ? story->events[story->event_count - 1].time_ns : row->time_ns;
        for (uint32_t j = 0; j < story->stop_count; j++) {
            const struct story_stop *stop = &story->stops[j];
            if (stop->instance == row->instance) end_ns = story->events[stop->event].time_ns;
        }
        fprintf(out, "%s[%" PRIu32 ",%" PRIu64 ",%" PRIu64 "]", comma, row->instance, row->time_ns,
                end_ns);
        comma = ",";
    }
    fputs("],\n\"powerStops\":[", out);
    comma = "";
    for (uint32_t i = 0; i < story->stop_count; i++) {
        if (story->stops[i].how != SIM_STOP_POWER) continue;
        fprintf(out, "%s%" PRIu32, comma, story->stops[i].event);
        comma = ",";
    }
    fputs("],\n", out);
}

/* ---- Records ---- */

static void write_step(FILE *out, const struct story *story, const struct story_step *step)
{
    uint32_t last = story->event_count > 0 ? story->event_count - 1 : 0;

    fputs("{\"title\":", out);
    text(out, step->title);
    fputs(",\"text\":", out);
    text(out, step->text);
    fprintf(out, ",\"time\":%" PRIu64 ",\"event\":%" PRIu32 ",\"tone\":\"%s\"}", step->time_ns,
            step->event < last ? step->event : last, tones[step->tone]);
}

static void write_records(FILE *out, const struct story *story)
{
    fputs("\"firstLsn\":", out);
    long_text(out, story->first_lsn);
    fputs(",\"lastLsn\":", out);
    long_text(out, story->last_lsn);
    fputs(",\"records\":[", out);
    for (uint32_t i = 0; i < story->record_count; i++) {
        const struct story_record *record = &story->records[i];
        fprintf(out, "%s{\"lsn\":", i > 0 ? "," : "");
        long_text(out, record->lsn);
        fputs(",\"steps\":[", out);
        for (uint32_t j = 0; j < record->step_count; j++) {
            if (j > 0) fputs(",\n", out);
            write_step(out, story, &record->steps[j]);
        }
        fputs("]}", out);
    }
    fputs("],\n", out);
}

/* ---- Bytes ---- */

struct fields {
    FILE *out;
    uint64_t begin; /* Of the sector. */
    bool any;
};

static void write_field(void *context, const struct decoder_field *field)
{
    struct fields *fields = context;

    if (field->offset >= fields->begin + STORY_SECTOR_BYTES) return;
    if (field->offset + field->length <= fields->begin) return;
    fprintf(fields->out,
            "%s{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"part\":", fields->any ? ",\n" : "",
            field->offset, field->length);
    text(fields->out, field->part);
    fputs(",\"name\":", fields->out);
    text(fields->out, field->name);
    fputs(",\"meaning\":", fields->out);
    text(fields->out, field->meaning);
    fputs(",\"value\":", fields->out);
    if (field->is_bytes) {
        text(fields->out, "");
    } else {
        long_text(fields->out, field->value);
    }
    fprintf(fields->out, ",\"valid\":%s,\"lsn\":", field->valid ? "true" : "false");
    long_text(fields->out, field->lsn);
    fputc('}', fields->out);
    fields->any = true;
}

/* One version of a sector: its bytes, or why there are none. */
static void write_version(FILE *out, const char *name, const struct story_sector *sector,
                          const uint8_t bytes[STORY_SECTOR_BYTES], bool is_there,
                          const uint8_t *file, uint64_t size, const char *absent)
{
    struct fields fields = {.out = out, .begin = sector->sector * STORY_SECTOR_BYTES};

    fprintf(out, ",\n\"%s\":{\"bytes\":", name);
    if (is_there) {
        fputc('"', out);
        for (uint32_t i = 0; i < STORY_SECTOR_BYTES; i++) fprintf(out, "%02x", (unsigned)bytes[i]);
        fputc('"', out);
    } else {
        fputs("null", out);
    }
    fputs(",\"absent\":", out);
    text(out, absent);
    fputs(",\"fields\":[", out);
    if (is_there) decoder_fields(file, size, sector->file, write_field, &fields);
    fputs("]}", out);
}

static void write_sector(FILE *out, const struct story *story, const struct story_sector *sector)
{
    static const char short_file[] = "nothing: the file ends before it";
    struct story_sector_view view;

    story_sector_look(story, sector, &view);
    fputs("{\"file\":", out);
    text(out, sector->file);
    fprintf(out, ",\"begin\":%" PRIu64 ",\"concerned\":%s,\"tone\":\"%s\",\"fate\":",
            sector->sector * STORY_SECTOR_BYTES, sector->concerned ? "true" : "false",
            tones[story_fate_tone(view.fate)]);
    text(out, story_fate_words(view.fate));
    write_version(out, "before", sector, view.before, view.has_before, view.was->now,
                  view.was->now_size,
                  view.was->name != NULL ? short_file : "nothing: there was no such file");
    write_version(out, "safe", sector, view.durable, view.has_durable, view.was->durable,
                  view.was->durable_size, "nothing of it");
    write_version(out, "after", sector, view.after, view.has_after, view.is->now, view.is->now_size,
                  view.is->named ? short_file : "nothing: there is no such file");
    fputc('}', out);
}

static void write_size(FILE *out, bool is_there, uint64_t size)
{
    if (is_there) {
        fprintf(out, "%" PRIu64, size);
    } else {
        text(out, "no such file");
    }
}

static void write_files(FILE *out, const struct story_stop *stop)
{
    for (uint32_t i = 0; i < stop->before.count; i++) {
        const struct story_file *was = &stop->before.files[i];
        const struct story_file *is = story_file_find(&stop->after, was->name);
        fprintf(out, "%s[", i > 0 ? ",\n" : "");
        text(out, was->name);
        fputc(',', out);
        write_size(out, was->named, was->now_size);
        fprintf(out, ",%" PRIu64 ",\"%s\",", was->durable_size, was->named_durably ? "yes" : "no");
        write_size(out, is != NULL && is->named, is != NULL ? is->now_size : 0);
        fputc(']', out);
    }
}

static void write_bytes(FILE *out, const struct story *story)
{
    const struct story_stop *stop =
        story->broken_stop == STORY_NONE ? NULL : &story->stops[story->broken_stop];
    const bool power = stop != NULL && stop->how == SIM_STOP_POWER;

    member(out, "beforeTitle",
           power ? "as the program had written it, right before power was lost"
                 : "as the program had written it when the process ended");
    fputs("\"sectorsLead\":", out);
    char *lead = NULL;
    size_t size;
    FILE *words = open_memstream(&lead, &size);
    if (words == NULL) abort();
    fprintf(words, "The end of process %" PRIu32 " changed %" PRIu32 " sector%s (512 bytes each). ",
            stop != NULL ? stop->instance : 0, story->sectors_changed,
            story->sectors_changed == 1 ? "" : "s");
    fputs("Those that the verdict is about come first.", words);
    fclose(words);
    text(out, lead);
    free(lead);
    fputs(",\n\"fileTable\":[", out);
    if (stop != NULL && stop->has_after) write_files(out, stop);
    fputs("],\n\"sectors\":[", out);
    for (uint32_t i = 0; i < story->sector_count; i++) {
        if (i > 0) fputs(",\n", out);
        write_sector(out, story, &story->sectors[i]);
    }
    fputs("],\n", out);
}

/* ---- The head ---- */

static void write_faults(FILE *out, const struct story *story)
{
    const char *comma = "";

    fputs("\"faults\":[", out);
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        if (story->struck[fault->number] == 0) continue;
        fprintf(out, "%s[\"%s\",", comma, fault->id);
        text(out, fault->name);
        fprintf(out, ",%" PRIu32 ",", story->struck[fault->number]);
        text(out, fault->story);
        fputc(']', out);
        comma = ",\n";
    }
    fputs("],\n", out);
}

static void write_title(FILE *out, const struct story *story)
{
    const struct run_result *result = &story->result;
    char title[256];

    if (!story->ended) {
        (void)snprintf(title, sizeof title, "The process did not survive: %s", story->death);
    } else if (result->property == NULL) {
        (void)snprintf(title, sizeof title, "Everything held");
    } else {
        (void)snprintf(title, sizeof title, "%s", result->verdict.why);
        if (title[0] >= 'a' && title[0] <= 'z') title[0] = (char)(title[0] - 'a' + 'A');
    }
    member(out, "title", title);
}

static void write_head(FILE *out, const struct story *story)
{
    const struct run_result *result = &story->result;
    const struct disk_profile *profile = story->config.profile;
    const bool broken = !story->ended || result->property != NULL;
    char setting[128] = "";

    write_title(out, story);
    fprintf(out, "\"broken\":%s,\n", broken ? "true" : "false");
    fprintf(out, "\"brokenFact\":%" PRId64 ",\n",
            story->broken_fact == STORY_NONE ? -1 : (int64_t)story->broken_fact);
    member(out, "token", story->token);
    member(out, "replay", story->replay);
    member(out, "property",
           !story->ended              ? "worker"
           : result->property != NULL ? result->property->name
                                      : "all properties");
    member(out, "failure", story->ended ? result->failure : story->death);
    member(out, "promised", story->promised);
    member(out, "happened", story->happened);
    member(out, "wrong", story->wrong);
    member(out, "reproducer", story->case_text);
    if (profile != NULL) {
        (void)snprintf(setting, sizeof setting, "simulated disk “%s”%s%s", profile->name,
                       *story->bug != '\0' ? ", planted bug " : "", story->bug);
    }
    member(out, "setting", setting);
}

static void write_story(FILE *out, const struct story *story)
{
    fputs("{\n", out);
    write_head(out, story);
    write_faults(out, story);
    write_records(out, story);
    write_bytes(out, story);
    write_processes(out, story);
    write_run(out, story);
    fputs("\"format\":1}", out);
}

/* JSON inside of HTML: '<', '>' and '&' can stand in strings only, and there they can be escaped;
 * the two line ends of Unicode are for readers of JavaScript that are old. */
static void write_escaped(FILE *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        if (byte == '<' || byte == '>' || byte == '&') {
            fprintf(out, "\\u%04x", (unsigned)byte);
        } else if (byte == 0xe2 && i + 2 < size && memcmp(bytes + i + 1, "\x80\xa8", 2) == 0) {
            fputs("\\u2028", out);
            i += 2;
        } else if (byte == 0xe2 && i + 2 < size && memcmp(bytes + i + 1, "\x80\xa9", 2) == 0) {
            fputs("\\u2029", out);
            i += 2;
        } else {
            fputc(byte, out);
        }
    }
}

void report_html_write(FILE *out, const struct story *story)
{
    const char *rest = report_page_html;
    char *json = NULL;
    size_t size;
    FILE *stream = open_memstream(&json, &size);

    if (stream == NULL) abort();
    write_story(stream, story);
    fclose(stream);
    for (const char *at = rest; (at = strchr(at, '@')) != NULL;) {
        if (strncmp(at, "@STYLE@", 7) == 0) {
            fwrite(rest, 1, (size_t)(at - rest), out);
            fputs(report_page_css, out);
            rest = at += 7;
        } else if (strncmp(at, "@STORY@", 7) == 0) {
            fwrite(rest, 1, (size_t)(at - rest), out);
            write_escaped(out, json, size);
            rest = at += 7;
        } else if (strncmp(at, "@SCRIPT@", 8) == 0) {
            fwrite(rest, 1, (size_t)(at - rest), out);
            fputs(report_page_js, out);
            fputs(report_timeline_js, out);
            rest = at += 8;
        } else {
            at++;
        }
    }
    fputs(rest, out);
    free(json);
}
