/*
 * This process: the memory tier, the three published numbers, and the flush.
 */
byte inflight = NONE;
byte applied = FIRST;
byte floor = NONE;
bool flushLock = false;

/* Per key: the value held (by the transaction that wrote it), and the state
   that it was read from or installed by. */
byte value[KEYS];
byte version[KEYS];

/* Marks and last writes: per key, or per stripe, which both keys share. */
byte pending[KEYS];
byte lastWrite[KEYS];

#ifdef STRIPE
#define SLOT(k) 0
#else
#define SLOT(k) (k)
#endif

#ifdef REMOVE_ALL
/* The floor of the cache that both keys are in: "remove all" raises it. */
byte cacheFloor = NONE;
#define CACHE_FLOOR cacheFloor
#else
#define CACHE_FLOOR NONE
#endif

/* ---- What one step under the lock of the key's shard does ----------------- */

#ifdef NO_PENDING_MARKS
#define ADD_MARK(k) skip
#define TAKE_MARK(k) skip
#else
#ifdef BOOLEAN_MARKS
#define ADD_MARK(k) pending[SLOT(k)] = 1
#define TAKE_MARK(k) pending[SLOT(k)] = 0
#else
#define ADD_MARK(k) pending[SLOT(k)]++
#define TAKE_MARK(k) pending[SLOT(k)]--
#endif
#endif

#ifdef NO_DROP_AT_MARK
#define DROP_AT_MARK(k) skip
#else
#define DROP_AT_MARK(k) drop(k)
#endif

#ifdef NO_FLOOR_AT_INSTALL
#define MAY_INSTALL(t) true
#else
#define MAY_INSTALL(t) (floor <= (t))
#endif

#ifdef NO_LAST_WRITE_AT_POPULATE
#define SINCE_LAST_WRITE(k, s) true
#else
#define SINCE_LAST_WRITE(k, s) ((s) >= lastWrite[SLOT(k)])
#endif

#ifdef NO_FLOOR_AT_POPULATE
#define SINCE_FLOOR(s) true
#else
#define SINCE_FLOOR(s) ((s) >= floor && (s) >= CACHE_FLOOR)
#endif

inline drop(k) {
    value[k] = NONE;
    version[k] = NONE
}

inline mark(keys, k) {
    if
    :: HAS(keys, k) -> d_step { ADD_MARK(k); DROP_AT_MARK(k) }
    :: else
    fi
}

inline unmark(keys, k) {
    if
    :: HAS(keys, k) -> TAKE_MARK(k)
    :: else
    fi
}

/* Of a set or a delete: a delete leaves no entry, but is remembered. */
inline install(keys, k, t) {
    if
    :: HAS(keys, k) ->
       atomic {
           if
           :: MAY_INSTALL(t) -> value[k] = t; version[k] = t
           :: drop(k)
           fi;
           lastWrite[SLOT(k)] = t
       }
    :: else
    fi
}

inline populate(k, v, s) {
    if
    :: pending[SLOT(k)] == 0 && SINCE_LAST_WRITE(k, s) && SINCE_FLOOR(s) && version[k] < s ->
       value[k] = v;
       version[k] = s
    :: else
    fi
}

/* ---- The answer from memory ----------------------------------------------- */

#ifdef STRIPE
/* A mark keeps entries out; a hit need not look at it. */
#define UNMARKED(k) true
#else
#define UNMARKED(k) (pending[k] == 0)
#endif

/* The floor that a hit is held against, loaded before the entry. */
#ifdef SWEEP
#define HIT_FLOOR NONE
#else
#ifdef NO_FLOOR_AT_HIT
#define HIT_FLOOR CACHE_FLOOR
#else
#ifdef NO_CACHE_FLOOR_AT_HIT
#define HIT_FLOOR floor
#else
#define HIT_FLOOR MAX(floor, CACHE_FLOOR)
#endif
#endif
#endif

#define HIT(k, f) (UNMARKED(k) && version[k] != NONE && version[k] >= (f))

/* ---- Flush: someone else wrote -------------------------------------------- */

inline sweep(k) {
    d_step { if :: version[k] < floor -> drop(k) :: else fi }
}

/* `m` is a scratch variable of the caller, left empty. */
inline flush(m) {
    atomic { !flushLock -> flushLock = true; m = meta };
    d_step { if :: m == inflight -> m = NONE :: else fi };
    d_step { if :: m == applied -> m = NONE :: else fi };
    if
    :: m != NONE ->
#ifdef APPLIED_BEFORE_FLOOR
       applied = m;
       floor = MAX(floor, m)
#else
       floor = MAX(floor, m);
#ifdef SWEEP
       sweep(0);
       sweep(1);
#endif
       applied = m
#endif
    :: else
    fi;
    atomic { m = NONE; flushLock = false }
}
