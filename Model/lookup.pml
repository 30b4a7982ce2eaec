/*
 * A lookup without the lock of its shard, beside writers that hold it (SequenceLock.swift,
 * ShardTable.swift). An entry is two words, which a writer changes one after the other; the
 * range that it lies in has an address and a size, and is replaced by a larger one.
 *
 * Claims: a lookup that answers has seen both words of one value, and never takes a range
 * for larger than it is, whether it answers or not.
 */

#ifndef WRITES
#define WRITES 2
#endif
#ifndef LOOKUPS
#define LOOKUPS 2
#endif

byte sequence = 0;
byte words[2];

/* Range n has room for n + 1 entries. What is mapped once stays mapped. */
byte address = 0;
byte size = 1;

bool lock = false;

active [2] proctype Writer() {
    byte done = 0;
    do
    :: done < WRITES ->
        atomic { !lock; lock = true }
#ifndef NO_ODD_NUMBER
        sequence++;
#endif
        words[0] = words[0] + 1;
        words[1] = words[1] + 1;
        /* The range grows with each write. */
#ifdef SIZE_BEFORE_ADDRESS
        size = size + 1;
        address = address + 1;
#else
        address = address + 1;
        size = size + 1;
#endif
        sequence++;
        lock = false;
        done++
    :: else -> break
    od
}

active proctype Lookup() {
    byte done = 0, before, first, second, seenSize, seenAddress;
    do
    :: done < LOOKUPS ->
        before = sequence;
        if
#ifndef NO_ODD_NUMBER
        :: before % 2 == 1 -> skip
        :: before % 2 == 0 ->
#else
        :: true ->
#endif
            seenSize = size;
            seenAddress = address;
            assert(seenSize <= seenAddress + 1);
            first = words[0];
            second = words[1];
            if
#ifdef NO_VALIDATION
            :: true ->
#else
            :: sequence != before -> skip
            :: sequence == before ->
#endif
                assert(first == second)
            fi
        fi;
        done++
    :: else -> break
    od
}
