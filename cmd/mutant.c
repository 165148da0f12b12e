/*
 * mutant.c - squall with a planted bug: another program.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/mutant.h"
#include "cmd/squall.h"

/* It may come from a file that somebody sent. */
static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-+") == strlen(name);
}

bool mutant_plant(const char *name)
{
    char *command = squall_path("'%s/scenarios/bugs/plant.sh' '%s' >&2", squall_root(), name);
    int status = is_name(name) ? system(command) : -1;

    free(command);
    if (status == 0) return true;
    squall_say("%s cannot be planted", name);
    return false;
}

char *mutant_folder(const char *name)
{
    return squall_path("%s/bugs/%s", squall_build(), name);
}

char *mutant_program(const char *name)
{
    return squall_path("%s/bugs/%s/squall", squall_build(), name);
}

_Noreturn static void become(const char *folder, const char *program, char *const arguments[])
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("SQUALL_BUILD", folder, 1);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0) {
        _exit(SQUALL_FAILED);
    }
    execv(program, arguments);
    _exit(SQUALL_FAILED);
}

int mutant_run(const char *name, char *const arguments[])
{
    char *folder = mutant_folder(name), *program = mutant_program(name);
    int status = 0;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) become(folder, program, arguments);
    free(folder);
    free(program);
    if (pid < 0) {
        squall_say("cannot fork: %s", strerror(errno));
        return SQUALL_FAILED;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : SQUALL_FAILED;
}
