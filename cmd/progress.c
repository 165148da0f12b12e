/*
 * progress.c - how far a long command is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/progress.h"
#include "cmd/squall.h"

#define LIVE_NS UINT64_C(200000000)
#define PLAIN_NS UINT64_C(10000000000)

static bool terminal_can_redraw(FILE *out)
{
    const char *term = getenv("TERM");

    return isatty(fileno(out)) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

bool progress_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");

    return terminal_can_redraw(out) && (no_colour == NULL || no_colour[0] == '\0');
}

struct progress progress_begin(void)
{
    bool live = terminal_can_redraw(stderr);

    return (struct progress){.live = live,
                             .next_ns = squall_now_ns() + (live ? LIVE_NS : PLAIN_NS)};
}

bool progress_due(const struct progress *progress, uint64_t now_ns)
{
    return now_ns >= progress->next_ns;
}

static int columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

void progress_show(struct progress *progress, uint64_t now_ns, const char *line)
{
    progress->next_ns = now_ns + (progress->live ? LIVE_NS : PLAIN_NS);
    if (progress->live) {
        fprintf(stderr, "\r\033[K%.*s", columns() - 1, line);
        progress->drawn = true;
    } else {
        fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
}

void progress_clear(struct progress *progress)
{
    if (progress == NULL || !progress->drawn) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->drawn = false;
}
