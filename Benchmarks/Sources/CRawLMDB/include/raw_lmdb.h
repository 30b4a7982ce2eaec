#ifndef RAW_LMDB_H
#define RAW_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The raw LMDB peer: what a C program that calls liblmdb directly gets, with nothing in between. It is the limit of Larder's durable tier.
///
/// Every function that returns `int` returns 0 or an LMDB or errno code for `raw_lmdb_message`.

/// One environment with one (the unnamed) table.
typedef struct raw_lmdb raw_lmdb;

/// One thread's way to read: a read transaction kept for its slot, and a place to copy values to.
typedef struct raw_lmdb_reader raw_lmdb_reader;

/// Opens or creates the environment in an existing directory.
///
/// @param flushing  false opens with MDB_NOSYNC.
int raw_lmdb_open(const char *directory, bool flushing, size_t map_size, raw_lmdb **out);
void raw_lmdb_close(raw_lmdb *lmdb);

/// @param long_lived  true reads everything in one snapshot taken now; false takes a fresh snapshot for every get (renew and reset, the cheapest
///                    form LMDB has).
int raw_lmdb_reader_open(raw_lmdb *lmdb, bool long_lived, raw_lmdb_reader **out);
void raw_lmdb_reader_close(raw_lmdb_reader *reader);

/// Copies the value of a key to `buffer`. A value longer than `capacity` is an error; an absent key is MDB_NOTFOUND (see `raw_lmdb_not_found`).
int raw_lmdb_get(
    raw_lmdb_reader *reader, const void *key, size_t key_size, void *buffer, size_t capacity, size_t *value_size);

/// Puts one entry in a transaction of its own.
int raw_lmdb_put(raw_lmdb *lmdb, const void *key, size_t key_size, const void *value, size_t value_size);

/// Puts `count` entries, laid out as key and value one after the other, in one transaction.
///
/// @param appending  the keys ascend and lie past every key of the table (MDB_APPEND).
int raw_lmdb_put_many(
    raw_lmdb *lmdb, const void *records, size_t count, size_t key_size, size_t value_size, bool appending);

/// Walks the whole table in key order, adding up the entries and the first byte of each value.
int raw_lmdb_scan(raw_lmdb *lmdb, uint64_t *entries, uint64_t *first_bytes);

/// Flushes what was committed without a flush.
int raw_lmdb_sync(raw_lmdb *lmdb);

int raw_lmdb_not_found(void);
const char *raw_lmdb_message(int code);
const char *raw_lmdb_version(void);

#endif
