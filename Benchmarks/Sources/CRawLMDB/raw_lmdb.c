#include "raw_lmdb.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

struct raw_lmdb {
    MDB_env *environment;
    MDB_dbi table;
};

struct raw_lmdb_reader {
    MDB_txn *transaction;
    MDB_dbi table;
    bool long_lived;
};

int raw_lmdb_open(const char *directory, bool flushing, size_t map_size, raw_lmdb **out) {
    raw_lmdb *lmdb = calloc(1, sizeof *lmdb);
    if (!lmdb) return ENOMEM;
    MDB_txn *transaction = NULL;
    int code = mdb_env_create(&lmdb->environment);
    if (code) {
        free(lmdb);
        return code;
    }
    code = mdb_env_set_mapsize(lmdb->environment, map_size);
    // Without MDB_NOTLS a thread could have only one reader.
    unsigned int flags = MDB_NOTLS | (flushing ? 0 : MDB_NOSYNC);
    if (!code) code = mdb_env_open(lmdb->environment, directory, flags, 0600);
    if (!code) code = mdb_txn_begin(lmdb->environment, NULL, 0, &transaction);
    if (!code) {
        code = mdb_dbi_open(transaction, NULL, 0, &lmdb->table);
        if (code) mdb_txn_abort(transaction);
        else code = mdb_txn_commit(transaction);
    }
    if (code) {
        mdb_env_close(lmdb->environment);
        free(lmdb);
        return code;
    }
    *out = lmdb;
    return 0;
}

void raw_lmdb_close(raw_lmdb *lmdb) {
    mdb_env_close(lmdb->environment);
    free(lmdb);
}

int raw_lmdb_reader_open(raw_lmdb *lmdb, bool long_lived, raw_lmdb_reader **out) {
    raw_lmdb_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return ENOMEM;
    reader->table = lmdb->table;
    reader->long_lived = long_lived;
    int code = mdb_txn_begin(lmdb->environment, NULL, MDB_RDONLY, &reader->transaction);
    if (code) {
        free(reader);
        return code;
    }
    if (!long_lived) mdb_txn_reset(reader->transaction);
    *out = reader;
    return 0;
}

void raw_lmdb_reader_close(raw_lmdb_reader *reader) {
    mdb_txn_abort(reader->transaction);
    free(reader);
}

int raw_lmdb_get(
    raw_lmdb_reader *reader, const void *key, size_t key_size, void *buffer, size_t capacity, size_t *value_size) {
    int code = reader->long_lived ? 0 : mdb_txn_renew(reader->transaction);
    if (code) return code;
    MDB_val sought = {key_size, (void *)key}, found;
    code = mdb_get(reader->transaction, reader->table, &sought, &found);
    if (!code) {
        if (found.mv_size > capacity) code = EMSGSIZE;
        else memcpy(buffer, found.mv_data, *value_size = found.mv_size);
    }
    if (!reader->long_lived) mdb_txn_reset(reader->transaction);
    return code;
}

int raw_lmdb_put(raw_lmdb *lmdb, const void *key, size_t key_size, const void *value, size_t value_size) {
    MDB_txn *transaction;
    int code = mdb_txn_begin(lmdb->environment, NULL, 0, &transaction);
    if (code) return code;
    MDB_val k = {key_size, (void *)key}, v = {value_size, (void *)value};
    code = mdb_put(transaction, lmdb->table, &k, &v, 0);
    if (code) {
        mdb_txn_abort(transaction);
        return code;
    }
    return mdb_txn_commit(transaction);
}

int raw_lmdb_put_many(
    raw_lmdb *lmdb, const void *records, size_t count, size_t key_size, size_t value_size, bool appending) {
    MDB_txn *transaction;
    int code = mdb_txn_begin(lmdb->environment, NULL, 0, &transaction);
    const char *record = records;
    for (size_t i = 0; !code && i < count; i++, record += key_size + value_size) {
        MDB_val k = {key_size, (void *)record}, v = {value_size, (void *)(record + key_size)};
        code = mdb_put(transaction, lmdb->table, &k, &v, appending ? MDB_APPEND : 0);
        if (code) mdb_txn_abort(transaction);
    }
    return code ? code : mdb_txn_commit(transaction);
}

int raw_lmdb_scan(raw_lmdb *lmdb, uint64_t *entries, uint64_t *first_bytes) {
    MDB_txn *transaction;
    MDB_cursor *cursor;
    int code = mdb_txn_begin(lmdb->environment, NULL, MDB_RDONLY, &transaction);
    if (code) return code;
    code = mdb_cursor_open(transaction, lmdb->table, &cursor);
    if (!code) {
        MDB_val key, value;
        uint64_t count = 0, sum = 0;
        while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
            count++;
            sum += *(const unsigned char *)value.mv_data;
        }
        if (code == MDB_NOTFOUND) code = 0;
        *entries = count;
        *first_bytes = sum;
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(transaction);
    return code;
}

int raw_lmdb_sync(raw_lmdb *lmdb) { return mdb_env_sync(lmdb->environment, 1); }

int raw_lmdb_not_found(void) { return MDB_NOTFOUND; }

const char *raw_lmdb_message(int code) { return mdb_strerror(code); }

const char *raw_lmdb_version(void) { return mdb_version(NULL, NULL, NULL); }
