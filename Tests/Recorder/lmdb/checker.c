/*
 * Checks images of the workload's store: they must open, hold exactly one of its
 * states, not older than what was acknowledged nor newer than what was issued,
 * and go on working.
 *
 *     checker [--may-lose] BATCH
 *
 * With --may-lose acknowledged transactions may be missing.
 */
#include "transactions.h"

#include <errno.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECONDS 10

static char reason[256];

static bool fails(const char *what, int error) {
    snprintf(reason, sizeof reason, "%s%s%s", what, error ? ": " : "", error ? mdb_strerror(error) : "");
    return false;
}

/* Which transaction last set each key, and to how many bytes; 0 if deleted. */
struct state {
    uint64_t transaction[KEYS];
    int size[KEYS];
};

static void replay(uint64_t transactions, struct state *state) {
    memset(state, 0, sizeof *state);
    for (uint64_t t = 1; t <= transactions; t++)
        for (int i = 0; i < CHANGES; i++) {
            struct change c = change(t, i);
            state->transaction[c.key] = c.size < 0 ? 0 : t;
            state->size[c.key] = c.size;
        }
}

static bool holds(MDB_txn *txn, MDB_dbi dbi, uint64_t transactions) {
    static unsigned char wanted[LONGEST];
    struct state state;
    replay(transactions, &state);
    size_t expected = transactions > 0 ? 1 : 0;
    for (int k = 0; k < KEYS; k++) {
        char name[16];
        key_name(k, name);
        MDB_val key = {strlen(name), name}, data;
        int error = mdb_get(txn, dbi, &key, &data);
        if (state.transaction[k] == 0) {
            if (error != MDB_NOTFOUND) return fails("a deleted key is there", error);
            continue;
        }
        expected++;
        if (error) return fails("a key is missing", error);
        fill(state.transaction[k], k, state.size[k], wanted);
        if (data.mv_size != (size_t)state.size[k] || memcmp(data.mv_data, wanted, data.mv_size) != 0)
            return fails("a value is wrong", 0);
    }

    MDB_cursor *cursor;
    MDB_val key, data;
    size_t seen = 0;
    int error = mdb_cursor_open(txn, dbi, &cursor);
    if (error) return fails("cursor", error);
    while ((error = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) seen++;
    mdb_cursor_close(cursor);
    if (error != MDB_NOTFOUND) return fails("scan", error);
    if (seen != expected) return fails("keys too many or too few", 0);
    return true;
}

static bool check_reading(MDB_env *env, uint64_t acknowledged, uint64_t issued) {
    MDB_txn *txn;
    MDB_dbi dbi;
    int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (error) return fails("read begin", error);
    error = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (error) return fails("table", error);
    MDB_val key = {strlen(COUNTER), COUNTER}, data;
    uint64_t found = 0;
    error = mdb_get(txn, dbi, &key, &data);
    if (error && error != MDB_NOTFOUND) return fails("counter", error);
    if (!error) memcpy(&found, data.mv_data, sizeof found);
    if (found < acknowledged) return fails("an acknowledged transaction is lost", 0);
    if (found > issued) return fails("a transaction that was never issued", 0);
    bool result = holds(txn, dbi, found);
    mdb_txn_abort(txn);
    return result;
}

static bool check_writing(MDB_env *env) {
    static unsigned char value[3 * 4096];
    for (int round = 0; round < 2; round++) {
        MDB_txn *txn;
        MDB_dbi dbi;
        int error = mdb_txn_begin(env, NULL, 0, &txn);
        if (error) return fails("write begin", error);
        error = mdb_dbi_open(txn, NULL, 0, &dbi);
        MDB_val key = {5, "after"}, data = {sizeof value, value};
        if (!error) error = mdb_put(txn, dbi, &key, &data, 0);
        if (!error) error = mdb_txn_commit(txn);
        if (error) return fails("write", error);
    }
    return true;
}

static bool check(const char *image, uint64_t acknowledged, uint64_t issued) {
    char store[600], file[700];
    snprintf(store, sizeof store, "%s/store", image);
    snprintf(file, sizeof file, "%s/data.mdb", store);
    if (access(file, F_OK) != 0) {
        /* As if it had never been created. */
        if (acknowledged == 0) return true;
        return fails("the store is gone", errno);
    }
    MDB_env *env;
    int error = mdb_env_create(&env);
    if (!error) error = mdb_env_set_mapsize(env, 64 << 20);
    if (!error) error = mdb_env_open(env, store, MDB_NOTLS | MDB_NOSYNC, 0644);
    if (error) return fails("open", error);
    bool result = check_reading(env, acknowledged, issued) && check_writing(env);
    mdb_env_close(env);
    return result;
}

int main(int count, char **words) {
    bool may_lose = count == 3 && strcmp(words[1], "--may-lose") == 0;
    if (count != 2 && !may_lose) return 64;
    const char *batch = words[count - 1];
    char path[512], name[128];
    unsigned long long acknowledged, issued, marks;

    /* An image may make LMDB abort: no core files of that. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    snprintf(path, sizeof path, "%s/manifest", batch);
    FILE *manifest = fopen(path, "r");
    if (!manifest) return 66;
    while (fscanf(manifest, "%127s %llu %llu %llu", name, &acknowledged, &issued, &marks) == 4) {
        alarm(SECONDS);
        snprintf(path, sizeof path, "%s/%s", batch, name);
        if (check(path, may_lose ? 0 : acknowledged, issued))
            printf("ok %s\n", name);
        else
            printf("fail %s %s\n", name, reason);
        fflush(stdout);
    }
    fclose(manifest);
    return 0;
}
