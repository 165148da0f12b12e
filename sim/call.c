/*
 * call.c - what the calls of the door are called, in reproducers and traces.
 */
#include "sim/call.h"

#include <assert.h>

/* Sets of calls are 64-bit words. */
_Static_assert(SIM_CALL_COUNT <= 64, "more calls than bits");

const char *sim_call_name(enum sim_call call)
{
    static const char *const names[] = {
#define SIM_CALL_TEXT(name, text) text,
        SIM_CALL_MAP(SIM_CALL_TEXT)
#undef SIM_CALL_TEXT
    };

    assert((unsigned)call < SIM_CALL_COUNT);
    return names[call];
}
