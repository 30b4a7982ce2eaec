/*
 * What the workload writes, so that the checker can know it: transaction t, from
 * 1, sets and deletes a few of 24 keys, all derived from t, and notes t itself.
 */
#ifndef TRANSACTIONS_H
#define TRANSACTIONS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEYS 24
#define CHANGES 4
#define LONGEST 9000
#define COUNTER "counter"

/* SplitMix64 (Steele, Lea and Flood, 2014): a hash good enough to scatter. */
static inline uint64_t scatter(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

struct change {
    int key;
    int size; /* Less than 0: a delete. */
};

static inline struct change change(uint64_t transaction, int number) {
    static const int sizes[] = {10, 100, 700, 1900, 5000, LONGEST};
    uint64_t h = scatter(transaction * CHANGES + (uint64_t)number);
    struct change result = {(int)(h % KEYS), sizes[(h >> 16) % 6]};
    if ((h >> 32) % 5 == 0) result.size = -1;
    return result;
}

static inline void key_name(int key, char name[16]) { snprintf(name, 16, "key%02d", key); }

static inline void fill(uint64_t transaction, int key, int size, unsigned char *value) {
    for (int i = 0; i < size; i += 8) {
        uint64_t h = scatter((transaction << 20) ^ ((uint64_t)key << 14) ^ (uint64_t)i);
        memcpy(value + i, &h, size - i < 8 ? (size_t)(size - i) : 8);
    }
}

#endif
