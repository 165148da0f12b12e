/*
 * faults_print.c - the catalogue of faults for people: as text, and as docs/faults.md.
 */
#include "cmd/faults_print.h"

#include "faults/fault.h"

enum { ODDS_BASE = 65536 };

static void print_phases(FILE *out, const struct fault *fault)
{
    const char *before = "";

    for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
        if ((fault->phases >> phase & 1) == 0) continue;
        fprintf(out, "%s%s", before, fault_phase_name((enum fault_phase)phase));
        before = ", ";
    }
    if (fault->phases == 0) fputs("-", out);
}

void faults_print_text(FILE *out)
{
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        fprintf(out, "%s %-20s %-7s %s\n    ", fault->id, fault->name,
                fault_contract_name(fault->contract), fault->story);
        if (fault->phases == 0) {
            fputs("Not in a run of the log within its contract", out);
        } else {
            fputs("In ", out);
            print_phases(out, fault);
        }
        if (fault->need != FAULT_NEEDS_NOTHING) {
            fprintf(out, "; where %s", fault_need_text(fault->need));
        }
        fputs(".\n", out);
    }
}

/* ---- docs/faults.md ---- */

static const char head[] =
    "# The faults\n"
    "\n"
    "Printed by `./squall list faults --markdown` from the catalogue in `faults/catalogue.c`; do\n"
    "not edit. A test holds this page to it.\n"
    "\n"
    "A run draws which of these exist in it at all and how often each strikes. What then happens "
    "are\n"
    "decisions, and each strike is counted by the phase of the log's life in which it hit\n"
    "(`./squall run --reach`).\n"
    "\n"
    "## Words\n"
    "\n"
    "Contract, what the log owes:\n"
    "\n"
    "- *survive*: no property bends and no operation fails;\n"
    "- *detect*: an operation may fail, with a typed error that says what and where; nothing "
    "wrong\n"
    "  is returned as right, nothing acknowledged vanishes in silence;\n"
    "- *beyond*: storage broke a promise that no log can do without. It strikes in the negative\n"
    "  suite only, which shows that the harness notices. Some rows are beyond the contract under "
    "a\n"
    "  condition: it stands beside the contract.\n";

static void print_words(FILE *out)
{
    fputs(head, out);
    fputs("\nHow it comes about:\n\n", out);
    for (unsigned sort = 0; sort < FAULT_SORT_COUNT; sort++) {
        fprintf(out, "- *%s*: %s%s\n", fault_sort_name((enum fault_sort)sort),
                fault_sort_story((enum fault_sort)sort), sort + 1 < FAULT_SORT_COUNT ? ";" : ".");
    }
    fputs("\nPhase, where it strikes:\n\n", out);
    for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
        fprintf(out, "- *%s*: %s%s\n", fault_phase_name((enum fault_phase)phase),
                fault_phase_story((enum fault_phase)phase),
                phase + 1 < FAULT_PHASE_COUNT ? ";" : ".");
    }
    fputs(
        "\nThe cells are those that a sweep of the general scenario has to reach. A row without "
        "one "
        "cannot\nstrike the log as it is, or only in the negative suite; a test meets it with a "
        "program of its own.\nAt rest, one thing is damaged in a run, and a flip on its way (F17) "
        "counts as that.\n\n",
        out);
}

static void print_disks(FILE *out, const struct fault *fault)
{
    const char *before = "";

    if (fault->need == FAULT_NEEDS_NOTHING) {
        fputs("all", out);
        return;
    }
    fprintf(out, "where %s: ", fault_need_text(fault->need));
    for (size_t i = 0; i < disk_profile_count; i++) {
        if (!fault_possible(fault, &disk_profiles[i])) continue;
        fprintf(out, "%s%s", before, disk_profiles[i].name);
        before = ", ";
    }
}

static void print_calls(FILE *out, const struct fault *fault)
{
    const char *before = ": ";

    for (unsigned call = 0; call < SIM_CALL_COUNT; call++) {
        if ((fault->calls >> call & 1) == 0) continue;
        fprintf(out, "%s%s", before, sim_call_name((enum sim_call)call));
        before = ", ";
    }
    if (fault->sort == FAULT_AT_REST) fprintf(out, ": %s", fault_target_text(fault->target));
}

static void print_odds(FILE *out, const struct fault *fault)
{
    if (fault->with != 0) {
        fprintf(out, "with F%02u", (unsigned)fault->with);
    } else if (fault->odds[1] == 0) {
        fputs("-", out);
    } else if (fault->odds[1] == 1 || fault->odds[1] == ODDS_BASE) {
        fputs(fault->odds[1] == 1 ? "on or off" : "always", out);
    } else {
        fprintf(out, "%u, %u, %u", (unsigned)fault->odds[1], (unsigned)fault->odds[2],
                (unsigned)fault->odds[3]);
    }
}

void faults_print_markdown(FILE *out)
{
    print_words(out);
    fputs(
        "## Rows\n\nOdds are in 65536ths, each time it is asked; a seed draws one of the three, or "
        "leaves the fault out.\n\n"
        "| id | name | what happens | which may be | contract | how | disks | phases | odds |\n"
        "|---|---|---|---|---|---|---|---|---|\n",
        out);
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        fprintf(out, "| %s | %s | %s | %s | %s", fault->id, fault->name, fault->story,
                fault->outcomes != NULL ? fault->outcomes : "",
                fault_contract_name(fault->contract));
        if (fault->beyond != NULL) fprintf(out, "; beyond %s", fault->beyond);
        fprintf(out, " | %s", fault_sort_name(fault->sort));
        print_calls(out, fault);
        fputs(" | ", out);
        print_disks(out, fault);
        fputs(" | ", out);
        print_phases(out, fault);
        fputs(" | ", out);
        print_odds(out, fault);
        fputs(" |\n", out);
    }
}
