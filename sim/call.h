/*
 * call.h - the calls of the door, numbered: where decisions are asked, faults strike, crashes hit.
 *
 * Names are stable: they are part of the addresses of decisions and so of reproducers. Append new
 * ones at the end.
 */
#ifndef SIM_CALL_H
#define SIM_CALL_H

/* clang-format off */
#define SIM_CALL_MAP(X)                                                                       \
    X(MKDIR, "mkdir") X(DIR_OPEN, "dir_open") X(DIR_CLOSE, "dir_close")                       \
    X(FSYNC_DIR, "fsync_dir") X(LIST, "list") X(RENAME, "rename") X(LINK, "link")             \
    X(UNLINK, "unlink") X(OPEN, "open") X(CLOSE, "close") X(PREAD, "pread")                   \
    X(PWRITE, "pwrite") X(FDATASYNC, "fdatasync") X(FSYNC, "fsync")                           \
    X(FTRUNCATE, "ftruncate") X(FALLOCATE, "fallocate") X(SIZE, "size") X(MAP, "map")         \
    X(UNMAP, "unmap") X(LOCK, "lock") X(SPAWN, "spawn") X(JOIN, "join")                       \
    X(MUTEX_LOCK, "mutex_lock") X(MUTEX_UNLOCK, "mutex_unlock") X(COND_WAIT, "cond_wait")     \
    X(COND_SIGNAL, "cond_signal") X(COND_BROADCAST, "cond_broadcast")                         \
    X(CANCEL_FIRE, "cancel_fire") X(SLEEP, "sleep") X(MONOTONIC, "monotonic") X(WALL, "wall") \
    X(RANDOM, "random") X(ALLOC, "alloc") X(FREE, "free") X(NOTE, "note")                     \
    X(SYNC_CREATE, "sync_create") X(SYNC_DESTROY, "sync_destroy") X(HARNESS, "harness")       \
    X(CANCEL_FIRED, "cancel_fired") X(TASK_END, "task_end")

enum sim_call {
#define SIM_CALL_ENUM(name, text) SIM_CALL_##name,
    SIM_CALL_MAP(SIM_CALL_ENUM)
#undef SIM_CALL_ENUM
    SIM_CALL_COUNT
};
/* clang-format on */

#define SIM_CALL_BIT(name) (UINT64_C(1) << SIM_CALL_##name)

/* "pwrite". Static storage. */
const char *sim_call_name(enum sim_call call);

#endif
