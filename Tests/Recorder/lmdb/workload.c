/*
 * Transactions on plain LMDB, to be recorded.
 *
 *     workload DIRECTORY MARKS TRANSACTIONS full|nometasync|nosync plain|directory|linked
 *
 * The store is DIRECTORY/store. It is created as LMDB does it (plain), with the
 * directory entries flushed (directory), or whole and under another name first
 * (linked). It writes "issued N" and "acked N" to the file MARKS. A transaction
 * that fails is tried again; when LMDB panics, the store is opened again first.
 */
#include "transactions.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 5

static int marks;

static void die(const char *what, int error) {
    dprintf(STDERR_FILENO, "workload: %s: %s\n", what, mdb_strerror(error));
    _exit(1);
}

static void mark(const char *word, uint64_t transaction) {
    char line[64];
    int size = snprintf(line, sizeof line, "%s %llu\n", word, (unsigned long long)transaction);
    if (write(marks, line, (size_t)size) != size) die("mark", errno);
}

static int flush_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int open_store(const char *path, unsigned flags, MDB_env **env) {
    int error = mdb_env_create(env);
    if (error) return error;
    if (!error) error = mdb_env_set_mapsize(*env, 64 << 20);
    if (!error) error = mdb_env_open(*env, path, flags | MDB_NOTLS, 0644);
    if (error) mdb_env_close(*env);
    return error;
}

static void create_linked(const char *root, const char *store) {
    char temporary[512], from[600], lock[600], to[600];
    MDB_env *env;
    snprintf(temporary, sizeof temporary, "%s/new", store);
    snprintf(from, sizeof from, "%s/data.mdb", temporary);
    snprintf(lock, sizeof lock, "%s/lock.mdb", temporary);
    snprintf(to, sizeof to, "%s/data.mdb", store);
    /* A creation that was cut short may have left its own. */
    if (mkdir(temporary, 0755) != 0 && errno != EEXIST) die(temporary, errno);
    unlink(from);
    unlink(lock);
    int error = open_store(temporary, 0, &env);
    if (!error) error = mdb_env_sync(env, 1);
    if (error) die("create", error);
    mdb_env_close(env);
    if (link(from, to) != 0) die("link", errno);
    if ((error = flush_directory(store)) || (error = flush_directory(root))) die("flush", error);
    if (unlink(from) != 0 || unlink(lock) != 0 || rmdir(temporary) != 0) die("remove", errno);
}

static int put(MDB_txn *txn, MDB_dbi dbi, uint64_t transaction) {
    static unsigned char value[LONGEST];
    for (int i = 0; i < CHANGES; i++) {
        struct change c = change(transaction, i);
        char name[16];
        key_name(c.key, name);
        MDB_val key = {strlen(name), name};
        int error;
        if (c.size < 0) {
            error = mdb_del(txn, dbi, &key, NULL);
            if (error == MDB_NOTFOUND) error = 0;
        } else {
            MDB_val data = {(size_t)c.size, value};
            fill(transaction, c.key, c.size, value);
            error = mdb_put(txn, dbi, &key, &data, 0);
        }
        if (error) return error;
    }
    MDB_val key = {strlen(COUNTER), COUNTER}, data = {sizeof transaction, &transaction};
    return mdb_put(txn, dbi, &key, &data, 0);
}

static int run(MDB_env *env, uint64_t transaction) {
    MDB_txn *txn;
    MDB_dbi dbi;
    int error = mdb_txn_begin(env, NULL, 0, &txn);
    if (error) return error;
    error = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (!error) error = put(txn, dbi, transaction);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static uint64_t counter(MDB_env *env) {
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {strlen(COUNTER), COUNTER}, data;
    uint64_t result = 0;
    int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (error) die("read", error);
    error = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (!error) error = mdb_get(txn, dbi, &key, &data);
    if (!error) memcpy(&result, data.mv_data, sizeof result);
    mdb_txn_abort(txn);
    return result;
}

int main(int count, char **words) {
    if (count != 6) return 64;
    const char *root = words[1];
    uint64_t transactions = strtoull(words[3], NULL, 10);
    unsigned flags = strcmp(words[4], "nosync") == 0       ? MDB_NOSYNC
                     : strcmp(words[4], "nometasync") == 0 ? MDB_NOMETASYNC
                                                           : 0;
    char store[256], file[300];
    snprintf(store, sizeof store, "%s/store", root);
    marks = open(words[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (marks < 0) die(words[2], errno);
    snprintf(file, sizeof file, "%s/data.mdb", store);
    if (mkdir(store, 0755) != 0 && errno != EEXIST) die(store, errno);
    if (strcmp(words[5], "linked") == 0 && access(file, F_OK) != 0) create_linked(root, store);

    MDB_env *env;
    int error = open_store(store, flags, &env);
    if (error) die("open", error);
    if (strcmp(words[5], "plain") != 0) {
        if (!error) error = mdb_env_sync(env, 1);
        if (!error) error = flush_directory(store);
        if (!error) error = flush_directory(root);
        if (error) die("flush", error);
    }

    for (uint64_t t = counter(env) + 1; t <= transactions; t++) {
        mark("issued", t);
        for (int attempt = 1; (error = run(env, t)); attempt++) {
            dprintf(STDOUT_FILENO, "transaction %llu: %s\n", (unsigned long long)t, mdb_strerror(error));
            if (attempt == ATTEMPTS) die("gave up", error);
            if (error != MDB_PANIC && error != EIO) continue;
            /* The outcome may be unknown: look, once what is there is durable. */
            mdb_env_close(env);
            if ((error = open_store(store, flags, &env)) || (error = mdb_env_sync(env, 1))) die("open again", error);
            if (counter(env) == t) break;
        }
        mark("acked", t);
    }
    mdb_env_close(env);
    return 0;
}
