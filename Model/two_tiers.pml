/*
 * How the memory tier and the durable tier stay one: who writes, who reads, and
 * what must hold. README.md explains the model and maps it to the code;
 * check.sh runs it, its variants and its mutations.
 */
#ifndef OURS
#define OURS 2     /* Transactions that this process may begin. */
#endif
#ifndef FOREIGN
#define FOREIGN 1  /* Transactions of another Larder process. */
#endif
#ifndef PLAIN
#define PLAIN 1    /* Transactions of a tool that knows LMDB only. */
#endif
#ifndef FAILURES
#define FAILURES 1 /* Commits that fail, over all Larder processes. */
#endif
#ifndef WRITERS
#define WRITERS 1  /* Writing threads of this process. */
#endif
#ifndef READERS
#define READERS 1  /* Reading threads of this process. */
#endif

#include "lmdb.pml"
#include "memory.pml"

byte oursLeft = OURS;
byte foreignLeft = FOREIGN;
byte plainLeft = PLAIN;
byte failuresLeft = FAILURES;

/* The lock between Larder processes; it also keeps our own writers apart. */
bool processLock = false;
/* A commit of ours failed and let LMDB's mutex go; `inflight` still stands. */
bool failing = false;

#ifdef NO_PROCESS_LOCK
#define FOREIGN_MAY_LOCK true
#define FOREIGN_LOCK(held) skip
#else
#define FOREIGN_MAY_LOCK (!processLock)
#define FOREIGN_LOCK(held) processLock = held
#endif

#ifdef PLAIN_DURING_FAILURE
#define PLAIN_MAY_BEGIN true
#else
#define PLAIN_MAY_BEGIN (!failing) /* The known limit: see README.md. */
#endif

inline someKeys(keys) {
    if
    :: keys = 1
    :: keys = 2
    :: keys = 3
    fi
}

/* ---- A writing thread of ours --------------------------------------------- */

/* Step 5, before the transaction is acknowledged. */
inline account(t) {
    atomic { !flushLock -> flushLock = true };
    applied = MAX(applied, t);
    atomic { inflight = NONE; flushLock = false; processLock = false }
}

inline markAll() {
#ifdef REMOVE_ALL
    if
    :: everything ->
#ifndef CACHE_FLOOR_AFTER_COMMIT
       cacheFloor = MAX(cacheFloor, t)
#else
       skip
#endif
    :: else ->
#endif
       mark(keys, 0);
       mark(keys, 1)
#ifdef REMOVE_ALL
    fi
#endif
}

inline installAndUnmarkAll() {
#ifdef REMOVE_ALL
    if
    :: everything ->
#ifdef CACHE_FLOOR_AFTER_COMMIT
       cacheFloor = MAX(cacheFloor, t)
#else
       skip
#endif
    :: else ->
#endif
#ifdef STRIPE
       install(keys, 0, t);
       install(keys, 1, t);
       unmark(keys, 0);
       unmark(keys, 1)
#else
       atomic { install(keys, 0, t); unmark(keys, 0) };
       atomic { install(keys, 1, t); unmark(keys, 1) }
#endif
#ifdef REMOVE_ALL
    fi
#endif
}

inline unmarkAll() {
#ifdef REMOVE_ALL
    if
    :: everything
    :: else ->
#endif
       unmark(keys, 0);
       unmark(keys, 1)
#ifdef REMOVE_ALL
    fi
#endif
}

proctype Writer() {
    byte t, keys, m;
#ifdef REMOVE_ALL
    bool everything;
#endif

    do
    :: oursLeft == 0 -> break
    :: atomic {
           oursLeft > 0 && !processLock && !writerMutex ->
           oursLeft--;
           processLock = true;
           beginWrite(t)
       };

       /* 1. Did someone else write since we last looked? */
#ifndef NO_CHECK_BY_WRITER
       if
       :: t - 1 == applied
       :: t - 1 != applied -> flush(m)
       fi;
#endif

       if
       :: /* 2. The body changed nothing. */
#ifdef PUBLISH_EMPTY
          inflight = t;
          writerMutex = false; /* An empty commit succeeds and does not use t. */
          account(t);
#else
          atomic { writerMutex = false; processLock = false };
#endif
          goto done
       :: atomic { someKeys(keys); inflight = t }
#ifdef REMOVE_ALL
       :: atomic { keys = 3; everything = true; inflight = t }
#endif
       fi;
       markAll();

       /* 3. Commit. */
       if
       :: atomic { failuresLeft > 0 -> failuresLeft--; goto failed }
       :: writeMeta(t, keys)
       fi;
       if
       :: atomic { publish(); writerMutex = false }
       :: /* The outcome is unknown, and the environment must be reopened. */
          atomic { failuresLeft > 0 -> failuresLeft-- };
          metaWriteFailed(t);
          goto failed
       fi;

       /* 4. Install. 5. Account, acknowledge. */
       installAndUnmarkAll();
       account(t);
       goto done;

failed:
       atomic { writerMutex = false; failing = true };
       atomic { inflight = NONE; failing = false; processLock = false };
       unmarkAll();
       if
       :: /* Reopened as the file's only user: LMDB publishes the newest page. */
          atomic { !writerMutex -> publish() }
       :: skip
       fi;

done:
       atomic {
           t = 0;
           keys = 0;
#ifdef REMOVE_ALL
           everything = false
#endif
       }
    od
}

/* ---- Writers of other processes ------------------------------------------- */

/* Between its begin and its meta page such a writer only keeps others waiting,
   and one that changes nothing does no more, so both are one step. */

/* The keys are alike, so its first transaction may be taken to write key 0. */
proctype ForeignWriter() {
    byte t, keys;

    do
    :: foreignLeft == 0 -> break
    :: atomic {
           foreignLeft > 0 && FOREIGN_MAY_LOCK && !writerMutex ->
           FOREIGN_LOCK(true);
           beginWrite(t);
           if
           :: keys = 1
           :: foreignLeft < FOREIGN -> keys = 2
           :: keys = 3
           fi;
           foreignLeft--;
           writeMeta(t, keys);
           keys = 0
       };
       atomic {
           if
           :: publish()
           :: ownerDied = true /* Killed before the publication. */
           :: failuresLeft > 0 -> failuresLeft--; metaWriteFailed(t)
           fi;
           writerMutex = false;
           FOREIGN_LOCK(false);
           t = 0
       }
    od
}

proctype PlainWriter() {
    byte t, keys;

    do
    :: plainLeft == 0 -> break
    :: atomic {
           plainLeft > 0 && PLAIN_MAY_BEGIN && !writerMutex ->
           plainLeft--;
           beginWrite(t);
           someKeys(keys);
           writeMeta(t, keys);
           keys = 0
       };
       atomic {
           if
           :: publish()
           :: ownerDied = true
           fi;
           writerMutex = false;
           t = 0
       }
    od
}

/* ---- Eviction; healing what a killed writer left --------------------------- */

proctype Housekeeping() {
end:
    do
#ifndef NO_EVICTION
    :: d_step { version[0] != NONE -> drop(0) }
    :: d_step { version[1] != NONE -> drop(1) }
#endif
    :: d_step { ownerDied && !writerMutex -> ownerDied = false; publish() }
    od
}

/* ---- A reading thread of ours, and what must hold --------------------------- */

/*
 * What LMDB has published, some reader somewhere may have seen, and whatever is
 * acknowledged is published. So a read may answer with nothing older than what
 * its key held in the state published when the read began, and with nothing
 * that is not published.
 */
inline answer(x) {
    assert(x >= oldest);
    assert(x <= published)
}

inline start() {
    if
    :: k = 0
    :: k = 1
    fi;
#ifdef EXCEPT_WHILE_FAILING
    oldest = (failing -> NONE : holds[k])
#else
    oldest = holds[k]
#endif
}

/* Leaves in `m` the transaction of someone else, if there is one. */
inline look() {
#ifdef LOAD_FLOOR_FIRST
    atomic { start(); f = HIT_FLOOR };
    m = meta;
#else
    atomic { start(); m = meta };
#endif
    d_step { if :: m == inflight -> m = NONE :: else fi };
    d_step { if :: m == applied -> m = NONE :: else fi }
}

proctype Reader() {
    byte k, oldest, m, f, s, v;

end:
    do
    :: look();
       if
#ifdef NO_CHECK_BY_READER
       :: m != NONE -> m = NONE
#else
       :: m != NONE -> flush(m)
#endif
       :: m == NONE
       fi;
#ifndef LOAD_FLOOR_FIRST
       f = HIT_FLOOR;
#endif
       if
       :: d_step { HIT(k, f) -> answer(value[k]); f = 0 }
       :: d_step { !HIT(k, f) -> f = 0 };
          /* The durable tier, in a read transaction with id s. */
          d_step { s = published; v = holds[k]; answer(v) };
          d_step { populate(k, v, s); s = 0; v = 0 }
       fi;
       d_step { k = 0; oldest = 0 }
    od
}

init {
    byte n;

    atomic {
        for (n : 1 .. WRITERS) { run Writer() }
        for (n : 1 .. READERS) { run Reader() }
        n = 0;
        if :: FOREIGN > 0 -> run ForeignWriter() :: else fi;
        if :: PLAIN > 0 -> run PlainWriter() :: else fi;
        run Housekeeping()
    }
}
