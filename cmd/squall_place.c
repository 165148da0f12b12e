/*
 * squall_place.c - where the sources and the build folder are, and what machine this is.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/squall.h"

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : otherwise;
}

const char *squall_root(void)
{
    return from_environment("SQUALL_ROOT", ".");
}

const char *squall_build(void)
{
    return from_environment("SQUALL_BUILD", "build");
}

char *squall_path(const char *format, ...)
{
    char *path = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&path, format, arguments) < 0) abort();
    va_end(arguments);
    return path;
}

unsigned squall_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return (unsigned)CPU_COUNT(&set);
}

uint64_t squall_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
