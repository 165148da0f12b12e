/*
 * death.c - what a child process died of, in words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/death.h"

int death_file(void)
{
    return memfd_create("worker", MFD_CLOEXEC);
}

void death_speak_to(int said)
{
    const struct rlimit no_core = {0, 0};

    dup2(said, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &no_core); /* A sweep over a broken log would fill the disk. */
}

void death_forget(int said)
{
    if (ftruncate(said, 0) != 0 || lseek(said, 0, SEEK_SET) != 0) abort();
}

void death_words(int said, char *words, size_t bytes)
{
    ssize_t len = said < 0 ? 0 : pread(said, words, bytes - 1, 0);

    words[len < 0 ? 0 : len] = '\0';
}

void death_cause(int status, uint64_t hung_ns, char *text, size_t bytes)
{
    if (hung_ns != 0) {
        (void)snprintf(text, bytes, "no progress for %u s, killed",
                       (unsigned)(hung_ns / UINT64_C(1000000000)));
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        (void)snprintf(text, bytes, "killed by SIG%s", name == NULL ? "?" : name);
    } else {
        (void)snprintf(text, bytes, "the process ended with status %d", WEXITSTATUS(status));
    }
}
