/*
 * How a cache stays true to its source: read-through under leases, write-through
 * under intents, for one key. README.md explains the model and maps it to the
 * code; check.sh runs it and its mutations.
 *
 * Each atomic block over record and claim is one transaction of the store.
 */
#ifndef WRITERS
#define WRITERS 2   /* Writes through the cache. */
#endif
#ifndef LOADERS
#define LOADERS 2   /* Loads, in one process or several. */
#endif
#ifndef OUTSIDE
#define OUTSIDE 1   /* Writes of the source past the cache, then an invalidation. */
#endif

#define ABSENT 255
#define NOBODY 254
#define OUTSIDER 9

/* ---- The source ------------------------------------------------------------ */

byte source = 0;            /* Its value, named by who wrote it. */
bool sent[WRITERS + 1];     /* A request has reached it and is not decided. */
bool applied[WRITERS + 1];
bool refused[WRITERS + 1];

/* ---- The store ------------------------------------------------------------- */

mtype = { none, lease, intent };

byte record = 0;
mtype claim = none;
byte owner = NOBODY;
bool overtaken = false;

bool dead[WRITERS + 1];     /* A writer's process has died, or gave the write up. */
bool noticed[WRITERS + 1];  /* Somebody has seen that, and set a deadline. */
bool passed[WRITERS + 1];   /* The deadline has passed. */
bool outsiderBusy = false;  /* Between a write past the cache and its invalidation. */

inline check() {
    assert(outsiderBusy || record == ABSENT || record == source)
}

/* A transaction that changes the key, or was to. */
inline overtakeClaim() {
    if
#ifndef KEEP_LEASE_AT_CHANGE
    :: claim == lease -> claim = none; owner = NOBODY
#endif
#ifndef NO_OVERTAKING
    :: claim == intent -> overtaken = true
#endif
    :: else
    fi
}

/* Whether an intent is there that nobody may settle. */
#ifdef SETTLE_BEFORE_DEADLINE
#define STANDS (claim == intent && !noticed[owner])
#else
#define STANDS (claim == intent && !passed[owner])
#endif

#ifdef SETTLE_OF_THE_LIVING
#define MAY_NOTICE (claim == intent && !noticed[owner])
#else
#define MAY_NOTICE (claim == intent && dead[owner] && !noticed[owner])
#endif

/* ---- A write through the cache ---------------------------------------------- */

proctype Writer(byte me) {
    /* 1. Intend, once no other write of the key is under way. */
    atomic {
#ifdef NO_INTENT
        record = ABSENT;
        claim = none;
#else
        !STANDS;
        record = ABSENT;
        claim = intent;
        owner = me;
        overtaken = false;
#endif
        check()
    }
    /* 2. Write the source. */
    if
    :: sent[me] = true
    :: dead[me] = true; goto end
    fi;
    if
    :: applied[me]
    :: refused[me]
    :: dead[me] = true; goto end
    fi;
    /* 3. Commit and remove the intent, in one transaction. */
#ifdef DROP_BEFORE_COMMIT
    claim = none;
    atomic {
        if
        :: applied[me] -> record = me
        :: else
        fi;
        check()
    };
    goto end;
#endif
    if
    :: atomic {
#ifdef NO_INTENT
        if
        :: applied[me] -> record = me
        :: else
        fi;
#else
        assert(claim == intent && owner == me);
        claim = none;
        owner = NOBODY;
        if
        :: applied[me] && !overtaken -> record = me
        :: else -> record = ABSENT
        fi;
#endif
        check()
        }
    :: dead[me] = true
    fi;
end:
    skip
}

/* ---- A load ------------------------------------------------------------------ */

proctype Loader(byte me) {
    byte value;
    bool granted = false;
    /* Take the lease; an older one may have run out. */
    atomic {
        if
        :: record == ABSENT && !STANDS ->
            claim = lease;
            owner = me;
            granted = true
        :: record == ABSENT && STANDS
        :: record != ABSENT -> goto end
        fi
    };
    value = source;
    /* Keep it, if the lease stands: nobody has changed the key since. */
    atomic {
        if
#ifdef KEEP_WITHOUT_LEASE
        :: granted && claim != intent ->
#else
        :: granted && claim == lease && owner == me ->
#endif
            record = value;
            claim = none;
            owner = NOBODY;
            check()
        :: else
        fi
    };
end:
    skip
}

/* ---- Around them --------------------------------------------------------------- */

/* The source applies what it has received, or does not, whoever has died since. */
proctype Database() {
    byte writer;
end:
    do
    :: atomic {
        select (writer : 1 .. WRITERS);
        if
        :: sent[writer] ->
            sent[writer] = false;
            if
            :: applied[writer] = true; source = writer
            :: refused[writer] = true
            fi;
            check()
        :: else
        fi;
        writer = 0
       }
    od
}

/* Whoever wants the key finds that the writer is dead. From then on the source has until the deadline to apply what it has received. */
proctype Settlement() {
end:
    do
    :: atomic { MAY_NOTICE -> noticed[owner] = true }
    :: atomic { claim == intent && noticed[owner] && !sent[owner] && !passed[owner] -> passed[owner] = true }
    od
}

/* Somebody writes the source past the cache, and then invalidates the key. */
proctype Outsider() {
    atomic { source = OUTSIDER; outsiderBusy = true };
    atomic {
        record = ABSENT;
        overtakeClaim();
        outsiderBusy = false;
        check()
    }
}

/* An entry goes to make room, or because its time has come. */
proctype Eviction() {
    record = ABSENT
}

init {
    byte number;
    atomic {
        run Database();
        run Settlement();
        run Eviction();
        for (number : 1 .. WRITERS) { run Writer(number) };
        for (number : 1 .. LOADERS) { run Loader(100 + number) };
        if
        :: OUTSIDE > 0 -> run Outsider()
        :: else
        fi
    }
}
