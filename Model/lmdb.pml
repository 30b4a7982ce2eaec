/*
 * LMDB's part: one file, one lock file, any number of processes.
 *
 * A transaction is its number. A value is named by the transaction that wrote
 * it, and a set of keys is a bit mask.
 */
#define KEYS 2
#define FIRST 1 /* The file begins with both keys written by transaction 1. */
#define NONE 0  /* No transaction. */

#define HAS(set, k) (((set) >> (k)) & 1)
#define MAX(x, y) ((x) > (y) -> (x) : (y))

/* me_last_txnid: the newest meta page in the page cache. */
byte meta = FIRST;
/* The counter in the lock file that every transaction starts from. */
byte published = FIRST;
/* The newest value of each key in the published state. */
byte holds[KEYS] = FIRST;
/* The keys changed by a meta page newer than the published state; it is never
   more than one transaction ahead. */
byte ahead = 0;
/* The writer mutex is held; its last holder died with it. */
bool writerMutex = false;
bool ownerDied = false;

inline publish() {
    d_step {
        if :: HAS(ahead, 0) -> holds[0] = meta :: else fi;
        if :: HAS(ahead, 1) -> holds[1] = meta :: else fi;
        ahead = 0;
        published = meta
    }
}

/* Begins write transaction `t`, the mutex being free. When the last owner of
   the robust mutex died, LMDB first publishes the newest meta page. */
inline beginWrite(t) {
    writerMutex = true;
    if
    :: ownerDied -> publish(); ownerDied = false
    :: else
    fi;
    t = published + 1
}

/* The meta page of `t` reaches the page cache. */
inline writeMeta(t, keys) {
    d_step { meta = t; ahead = keys }
}

/* After a failed meta write LMDB tries to put the old page back. It may fail
   at that too: then the page stays, ahead of the published state. */
inline metaWriteFailed(t) {
    if
    :: d_step { meta = t - 1; ahead = 0 }
    :: skip
    fi
}
