/*
 * A lookup without the lock of its shard that retains the object it finds, beside writers that
 * put another object in its place and let the old one go (RetainSections.swift).
 *
 * Claim: an object that is retained has not gone.
 */

#ifndef WRITES
#define WRITES 2
#endif
#ifndef LOOKUPS
#define LOOKUPS 2
#endif
#define OBJECTS (2 * WRITES + 1)

byte sequence = 0;
/* The object in place, and how often each is referred to. */
byte place = 0;
byte references[OBJECTS] = 1;
byte next = 1;

bool lock = false;

/* The lookups' sections: odd while one is in it. */
byte sections[2];

inline await(lookup) {
    seen = sections[lookup];
    if
    :: seen % 2 == 1 -> sections[lookup] != seen
    :: else
    fi
}

active [2] proctype Writer() {
    byte done = 0, old, seen;
    do
    :: done < WRITES ->
        atomic { !lock; lock = true }
#ifdef AWAIT_BEFORE_REMOVAL
        await(0);
        await(1);
#endif
        sequence++;
        d_step { old = place; place = next; next++ };
        d_step { sequence++; lock = false };
#if !defined(NO_AWAIT) && !defined(AWAIT_BEFORE_REMOVAL)
        await(0);
        await(1);
#endif
        d_step { references[old]--; done++; old = 0; seen = 0 }
    :: else -> break
    od
}

active [2] proctype Lookup() {
    byte done = 0, before, found;
    byte me = _pid - 2;
    do
    :: done < LOOKUPS ->
#ifndef SECTION_SHOWN_LATE
        sections[me]++;
#endif
        before = sequence;
        if
        :: before % 2 == 1 -> skip
        :: before % 2 == 0 ->
            found = place;
            if
            :: sequence != before -> skip
            :: sequence == before ->
#ifdef SECTION_SHOWN_LATE
                /* Without the fence, what the section reads may come before it is seen. */
                sections[me]++;
#endif
#ifdef ENDS_BEFORE_RETAINING
                sections[me]++;
#endif
                d_step { assert(references[found] > 0); references[found]++ };
#ifdef ENDS_BEFORE_RETAINING
                /* It is not to end twice. */
                sections[me]++;
#endif
#ifdef SECTION_SHOWN_LATE
                sections[me]++;
#endif
            fi
        fi;
        d_step {
#ifndef SECTION_SHOWN_LATE
            sections[me]++;
#endif
            done++; before = 0; found = 0
        }
    :: else -> break
    od
}
