// xxHash's own code, compiled as part of ours: the hash of a short key, which every lookup needs, then costs no call.
#define XXH_INLINE_ALL
// Swift reads C as if it were not optimized, which would turn inlining off.
#define XXH_NO_INLINE_HINTS 0
#include <xxhash.h>

// Out of line, so that short keys do not pay for long ones.
__attribute__((noinline)) static uint64_t larder_xxh3_of_many(const void *bytes, size_t count, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}

/// XXH3-64 of bytes, with a seed.
__attribute__((always_inline, flatten)) static inline uint64_t larder_xxh3(
    const void *bytes, size_t count, uint64_t seed) {
    return count > 16 ? larder_xxh3_of_many(bytes, count, seed) : XXH3_64bits_withSeed(bytes, count, seed);
}
