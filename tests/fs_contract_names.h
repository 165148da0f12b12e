/*
 * fs_contract_names.h - the cases of the contract that are about names and directories.
 */
#ifndef TESTS_FS_CONTRACT_NAMES_H
#define TESTS_FS_CONTRACT_NAMES_H

#include "tests/fs_contract.h"

/* ---- Making and finding directories ---- */

static void make_dir(struct contract *contract, const char *name)
{
    assert_ok(io_mkdir(contract->io, inside(contract, name)));
}

static struct wal_dir open_dir(struct contract *contract, const char *name)
{
    struct wal_dir dir = WAL_DIR_NONE;

    assert_ok(io_dir_open(contract->io, inside(contract, name), &dir));
    return dir;
}

static void a_directory_is_made_once(struct contract *contract)
{
    make_dir(contract, "d");
    assert_err(io_mkdir(contract->io, inside(contract, "d")), WAL_EXISTS);
    assert_err(io_mkdir(contract->io, inside(contract, "d/")), WAL_EXISTS);
    assert_err(io_mkdir(contract->io, inside(contract, "")), WAL_EXISTS);
    assert_err(io_mkdir(contract->io, "/"), WAL_EXISTS);
    assert_names(contract, "d ");
}

static void a_directory_is_not_made_where_a_file_is(struct contract *contract)
{
    file_make(contract, "f", "abc");
    assert_err(io_mkdir(contract->io, inside(contract, "f")), WAL_EXISTS);
    assert_name(contract, "f", "abc");
}

static void a_directory_needs_its_parent(struct contract *contract)
{
    struct wal_dir dir = {-7};

    assert_err(io_mkdir(contract->io, inside(contract, "none/d")), WAL_NOTFOUND);
    assert_err(io_dir_open(contract->io, inside(contract, "none"), &dir), WAL_NOTFOUND);
    assert_err(io_dir_open(contract->io, inside(contract, "none/d"), &dir), WAL_NOTFOUND);
    assert_int_equal(dir.id, -7);
    assert_names(contract, "");
}

static void no_path_leads_through_a_file(struct contract *contract)
{
    struct wal_dir dir = {-7};

    file_make(contract, "f", "abc");
    assert_err(io_mkdir(contract->io, inside(contract, "f/d")), WAL_NOTDIR);
    assert_err(io_mkdir(contract->io, inside(contract, "f/d/e")), WAL_NOTDIR);
    assert_err(io_dir_open(contract->io, inside(contract, "f/d"), &dir), WAL_NOTDIR);
    assert_err(io_dir_open(contract->io, inside(contract, "f"), &dir), WAL_NOTDIR);
    assert_err(io_dir_open(contract->io, inside(contract, "f/"), &dir), WAL_NOTDIR);
    assert_int_equal(dir.id, -7);
}

static void slashes_may_be_many(struct contract *contract)
{
    make_dir(contract, "/d//");
    make_dir(contract, "d//e");
    struct wal_dir dir = open_dir(contract, "//d/");
    assert_string_equal(names_in(contract, dir), "e ");
    io_dir_close(contract->io, dir);
}

static void a_component_of_a_path_can_be_too_long(struct contract *contract)
{
    struct wal_dir dir = {-7};
    char path[400];

    memset(path, 'n', 300);
    memcpy(path + 300, "/d", 3);
    assert_err(io_mkdir(contract->io, inside(contract, path)), WAL_INVALID);
    assert_err(io_dir_open(contract->io, inside(contract, path), &dir), WAL_INVALID);
    path[300] = '\0';
    assert_err(io_mkdir(contract->io, inside(contract, path)), WAL_INVALID);
    assert_err(io_dir_open(contract->io, inside(contract, path), &dir), WAL_INVALID);
    assert_names(contract, "");
}

static void a_name_of_63_bytes_is_a_name(struct contract *contract)
{
    char name[64], other[64];

    memset(name, 'n', 63);
    name[63] = '\0';
    memcpy(other, name, 64);
    other[62] = 'm';
    file_make(contract, name, "abc");
    file_make(contract, other, "def");
    assert_name(contract, name, "abc");
    assert_ok(io_unlink(contract->io, contract->dir, other));
    assert_ok(io_rename(contract->io, contract->dir, name, other));
    assert_ok(io_link(contract->io, contract->dir, other, name));
    assert_name(contract, name, "abc");
    make_dir(contract, "d");
    struct wal_dir dir = open_dir(contract, "d");
    assert_string_equal(names_in(contract, dir), "");
    io_dir_close(contract->io, dir);
}

static void the_same_name_in_two_directories_is_two_files(struct contract *contract)
{
    struct wal_file file = WAL_FILE_NONE;

    make_dir(contract, "d");
    struct wal_dir dir = open_dir(contract, "d");
    file_make(contract, "f", "abc");
    assert_ok(io_open(contract->io, dir, "f", CONTRACT_NEW, &file, NULL));
    file_put(contract, file, 0, "xyz");
    assert_name(contract, "f", "abc");
    assert_file(contract, file, "xyz");
    file_close(contract, file);
    assert_ok(io_fsync_dir(contract->io, dir));
    io_dir_close(contract->io, dir);
}

static void an_open_directory_stays_when_it_is_renamed(struct contract *contract)
{
    struct wal_file file = WAL_FILE_NONE;

    make_dir(contract, "d");
    struct wal_dir dir = open_dir(contract, "d");
    assert_ok(io_rename(contract->io, contract->dir, "d", "e"));
    assert_names(contract, "e ");
    assert_ok(io_open(contract->io, dir, "f", CONTRACT_NEW, &file, NULL));
    file_close(contract, file);
    struct wal_dir again = open_dir(contract, "e");
    assert_string_equal(names_in(contract, again), "f ");
    io_dir_close(contract->io, again);
    io_dir_close(contract->io, dir);
}

/* ---- Listing ---- */

static void listing_gives_each_name_once(struct contract *contract)
{
    char *names = (char *)(uintptr_t)contract;
    size_t bytes = 77;

    assert_ok(io_list(contract->io, contract->dir, &names, &bytes));
    assert_null(names); /* Nothing there. */
    assert_int_equal(bytes, 0);
    file_make(contract, "b", "");
    file_make(contract, "a", "");
    make_dir(contract, "c");
    assert_ok(io_link(contract->io, contract->dir, "b", "d"));
    assert_names(contract, "a b c d ");
    assert_ok(io_unlink(contract->io, contract->dir, "a"));
    assert_ok(io_rename(contract->io, contract->dir, "b", "e"));
    assert_names(contract, "c d e ");
    assert_names(contract, "c d e ");
}

static void listing_holds_hundreds_of_names(struct contract *contract)
{
    char name[32], expected[sizeof name * 600];
    size_t used = 0;

    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "name-%03d", i);
        file_make(contract, name, "");
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s ", name);
    }
    assert_names(contract, expected);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "name-%03d", i);
        assert_ok(io_unlink(contract->io, contract->dir, name));
    }
    assert_names(contract, "");
}

/* ---- Renaming ---- */

static void renaming_replaces(struct contract *contract)
{
    file_make(contract, "f", "abc");
    file_make(contract, "g", "xyz");
    struct wal_file replaced = file_open(contract, "g", WAL_OPEN_WRITE);
    assert_ok(io_rename(contract->io, contract->dir, "f", "g"));
    assert_names(contract, "g ");
    assert_name(contract, "g", "abc");
    file_put(contract, replaced, 3, "!");
    assert_file(contract, replaced, "xyz!"); /* Who has it open keeps it. */
    file_close(contract, replaced);
    assert_name(contract, "g", "abc");
}

static void renaming_what_is_not_there_is_refused(struct contract *contract)
{
    file_make(contract, "g", "xyz");
    assert_err(io_rename(contract->io, contract->dir, "f", "g"), WAL_NOTFOUND);
    assert_err(io_rename(contract->io, contract->dir, "f", "f"), WAL_NOTFOUND);
    assert_name(contract, "g", "xyz");
}

static void renaming_to_the_same_file_does_nothing(struct contract *contract)
{
    file_make(contract, "f", "abc");
    assert_ok(io_rename(contract->io, contract->dir, "f", "f"));
    assert_ok(io_link(contract->io, contract->dir, "f", "g"));
    assert_ok(io_rename(contract->io, contract->dir, "f", "g")); /* As POSIX has it. */
    assert_names(contract, "f g ");
    assert_name(contract, "g", "abc");
}

static void an_open_file_stays_when_it_is_renamed(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abc");
    assert_ok(io_rename(contract->io, contract->dir, "f", "g"));
    file_put(contract, file, 3, "d");
    assert_name(contract, "g", "abcd");
    file_close(contract, file);
}

static void files_and_directories_do_not_replace_each_other(struct contract *contract)
{
    file_make(contract, "f", "abc");
    make_dir(contract, "d");
    assert_err(io_rename(contract->io, contract->dir, "f", "d"), WAL_INVALID);
    assert_err(io_rename(contract->io, contract->dir, "d", "f"), WAL_NOTDIR);
    assert_names(contract, "d f ");
}

static void a_directory_replaces_none_that_is_in_use(struct contract *contract)
{
    make_dir(contract, "d");
    make_dir(contract, "d/inner");
    make_dir(contract, "e");
    assert_err(io_rename(contract->io, contract->dir, "e", "d"), WAL_EXISTS);
    assert_ok(io_rename(contract->io, contract->dir, "d", "d"));
    assert_names(contract, "d e ");
    struct wal_dir dir = open_dir(contract, "d");
    assert_string_equal(names_in(contract, dir), "inner ");
    io_dir_close(contract->io, dir);
}

/* ---- Linking ---- */

static void a_link_is_the_same_file(struct contract *contract)
{
    file_make(contract, "f", "abc");
    assert_ok(io_link(contract->io, contract->dir, "f", "g"));
    struct wal_file file = file_open(contract, "g", WAL_OPEN_WRITE);
    file_put(contract, file, 3, "d");
    file_close(contract, file);
    assert_name(contract, "f", "abcd");
    assert_ok(io_unlink(contract->io, contract->dir, "f"));
    assert_name(contract, "g", "abcd");
}

static void linking_replaces_nothing(struct contract *contract)
{
    file_make(contract, "f", "abc");
    file_make(contract, "g", "xyz");
    make_dir(contract, "d");
    assert_err(io_link(contract->io, contract->dir, "f", "g"), WAL_EXISTS);
    assert_err(io_link(contract->io, contract->dir, "f", "f"), WAL_EXISTS);
    assert_err(io_link(contract->io, contract->dir, "f", "d"), WAL_EXISTS);
    assert_err(io_link(contract->io, contract->dir, "none", "g"), WAL_NOTFOUND);
    assert_err(io_link(contract->io, contract->dir, "none", "h"), WAL_NOTFOUND);
    assert_name(contract, "g", "xyz");
    assert_names(contract, "d f g ");
}

static void a_directory_has_no_second_name(struct contract *contract)
{
    make_dir(contract, "d");
    assert_err(io_link(contract->io, contract->dir, "d", "e"), WAL_ACCESS);
    assert_names(contract, "d ");
}

/* ---- Removing ---- */

static void an_open_file_lives_on_without_a_name(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW), fresh;

    file_put(contract, file, 0, "abc");
    assert_ok(io_unlink(contract->io, contract->dir, "f"));
    assert_names(contract, "");
    file_put(contract, file, 3, "d");
    assert_ok(io_fsync(contract->io, file));
    assert_file(contract, file, "abcd");
    fresh = file_open(contract, "f", CONTRACT_NEW); /* Another file. */
    assert_file(contract, fresh, "");
    file_put(contract, fresh, 0, "xyz");
    assert_file(contract, file, "abcd");
    file_close(contract, file);
    assert_file(contract, fresh, "xyz");
    file_close(contract, fresh);
}

static void removing_what_is_not_there_is_refused(struct contract *contract)
{
    file_make(contract, "f", "abc");
    assert_ok(io_unlink(contract->io, contract->dir, "f"));
    assert_err(io_unlink(contract->io, contract->dir, "f"), WAL_NOTFOUND);
}

static void a_directory_is_not_removed_as_a_file(struct contract *contract)
{
    make_dir(contract, "d");
    assert_err(io_unlink(contract->io, contract->dir, "d"), WAL_INVALID);
    assert_names(contract, "d ");
}

#define CONTRACT_NAME_CASES(X)                         \
    X(a_directory_is_made_once)                        \
    X(a_directory_is_not_made_where_a_file_is)         \
    X(a_directory_needs_its_parent)                    \
    X(no_path_leads_through_a_file)                    \
    X(slashes_may_be_many)                             \
    X(a_component_of_a_path_can_be_too_long)           \
    X(a_name_of_63_bytes_is_a_name)                    \
    X(the_same_name_in_two_directories_is_two_files)   \
    X(an_open_directory_stays_when_it_is_renamed)      \
    X(listing_gives_each_name_once)                    \
    X(listing_holds_hundreds_of_names)                 \
    X(renaming_replaces)                               \
    X(renaming_what_is_not_there_is_refused)           \
    X(renaming_to_the_same_file_does_nothing)          \
    X(an_open_file_stays_when_it_is_renamed)           \
    X(files_and_directories_do_not_replace_each_other) \
    X(a_directory_replaces_none_that_is_in_use)        \
    X(a_link_is_the_same_file)                         \
    X(linking_replaces_nothing)                        \
    X(a_directory_has_no_second_name)                  \
    X(an_open_file_lives_on_without_a_name)            \
    X(removing_what_is_not_there_is_refused)           \
    X(a_directory_is_not_removed_as_a_file)

#endif
