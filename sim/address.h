/*
 * address.h - contexts, kinds and calls as text and back, for reproducers.
 *
 * A context is a path from what began it:
 *
 *     start                             the first boot
 *     op3                               operation 3
 *     op3/boot0                         the first boot that it caused,
 *     op3/boot0/boot1                   the second one that this boot caused,
 *     op3/boot0/boot1/committer.0       and there the first task of that name
 *
 * Bytes of a task's name other than letters, digits, '_', '-' and '.' are written as %2F is; the
 * number behind the last '.' is not part of the name. There is one text for each address, and only
 * that one is read: whatever else is refused.
 */
#ifndef SIM_ADDRESS_H
#define SIM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/decide.h"

/* Contexts that were read. All zero: empty. */
struct sim_who_list {
    struct sim_who *whos;
    size_t count, capacity;
};

void sim_who_list_free(struct sim_who_list *list);

/* The path of a context among `count`. False: it does not fit into `size` bytes. */
bool sim_who_path(const struct sim_who *whos, size_t count, uint32_t index, char *text,
                  size_t size);

/* Find the context of a path in the list; it and those before it on the path are added if they are
 * not there. Hashes are made with `salt`. False: not a path, and the list is as before. */
bool sim_who_parse(const char *path, uint64_t salt, struct sim_who_list *list, uint32_t *ret_index);

/* "crash", "image-mode", "F08", "O01". False: nothing is called so, or it does not fit. */
bool sim_kind_print(unsigned kind, char *text, size_t size);
bool sim_kind_parse(const char *text, unsigned *ret_kind);

/* sim_decision.call: "pwrite", "pwrite-retry". */
bool sim_call_print(uint8_t call, char *text, size_t size);
bool sim_call_parse(const char *text, uint8_t *ret_call);

#endif
