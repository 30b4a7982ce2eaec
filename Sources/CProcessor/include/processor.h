#ifndef LARDER_PROCESSOR_H
#define LARDER_PROCESSOR_H

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/// Asks the processor to bring the cache line at an address closer. Any address will do: a bad one is ignored.
static inline void larder_prefetch(const void *address) {
    __builtin_prefetch(address);
}

// What a reader without a lock loads, another thread may be writing at that moment. The reader finds out afterwards (see SequenceLock.swift) and then
// uses nothing of it. ThreadSanitizer, which knows no such afterwards, does not look at these loads; scripts/check-races defines this for it. Atomic ones
// it would look at all the same, so there they are not.
#ifdef LARDER_THREAD_SANITIZER
#define LARDER_RACING __attribute__((no_sanitize("thread"), noinline)) static
#define LARDER_LOAD_RACING(type, address) (*(const volatile type *)(address))
#define LARDER_STORE_RACING(type, address, value) ((void)(*(volatile type *)(address) = (value)))
#else
#define LARDER_RACING __attribute__((always_inline)) static inline
#define LARDER_LOAD_RACING(type, address) __atomic_load_n((const type *)(address), __ATOMIC_RELAXED)
#define LARDER_STORE_RACING(type, address, value) __atomic_store_n((type *)(address), value, __ATOMIC_RELAXED)
#endif

/// Which of the first fourteen words of four bytes in a cache line are equal to `half`: bit n for word n.
LARDER_RACING uint32_t larder_equal_halves(const void *line, uint32_t half) {
#ifdef __SSE2__
    const __m128i *quarters = (const __m128i *)line;
    const __m128i wanted = _mm_set1_epi32((int)half);
    const __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(quarters[0], wanted), _mm_cmpeq_epi32(quarters[1], wanted));
    const __m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(quarters[2], wanted), _mm_cmpeq_epi32(quarters[3], wanted));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & 0x3FFF;
#else
    const uint32_t *halves = (const uint32_t *)line;
    uint32_t found = 0;
    for (int word = 0; word < 14; word++) found |= (uint32_t)(halves[word] == half) << word;
    return found;
#endif
}

/// Which of the first seven words of eight bytes in a cache line have `half` as their upper half: bit 2 n + 1 for word n.
LARDER_RACING uint32_t larder_words_with_upper_half(const void *line, uint32_t half) {
    return larder_equal_halves(line, half) & 0x2AAA;
}

/// Which of them have `half` as their lower half: bit 2 n for word n.
LARDER_RACING uint32_t larder_words_with_lower_half(const void *line, uint32_t half) {
    return larder_equal_halves(line, half) & 0x1555;
}

/// Which of the 16 words of four bytes in a cache line have `half` as their upper half: bit n for word n.
static inline uint32_t larder_short_words_with_upper_half(const void *line, uint16_t half) {
#ifdef __SSE2__
    const __m128i *quarters = (const __m128i *)line;
    const __m128i wanted = _mm_set1_epi32(half);
    __m128i equal[4];
    for (int quarter = 0; quarter < 4; quarter++) {
        const __m128i halves = _mm_srli_epi32(_mm_loadu_si128(quarters + quarter), 16);
        equal[quarter] = _mm_cmpeq_epi32(halves, wanted);
    }
    return (uint32_t)_mm_movemask_epi8(
        _mm_packs_epi16(_mm_packs_epi32(equal[0], equal[1]), _mm_packs_epi32(equal[2], equal[3])));
#else
    const uint32_t *words = (const uint32_t *)line;
    uint32_t found = 0;
    for (int word = 0; word < 16; word++) found |= (uint32_t)(words[word] >> 16 == half) << word;
    return found;
#endif
}

/// Loads a byte that another thread may be writing.
LARDER_RACING uint8_t larder_load_racing_8(const void *address) {
    return LARDER_LOAD_RACING(uint8_t, address);
}

/// Loads four aligned bytes that another thread may be writing.
LARDER_RACING uint32_t larder_load_racing_32(const void *address) {
    return LARDER_LOAD_RACING(uint32_t, address);
}

/// Loads eight aligned bytes that another thread may be writing.
LARDER_RACING uint64_t larder_load_racing_64(const void *address) {
    return LARDER_LOAD_RACING(uint64_t, address);
}

/// Stores a byte that other threads may be reading and writing.
LARDER_RACING void larder_store_racing_8(void *address, uint8_t value) {
    LARDER_STORE_RACING(uint8_t, address, value);
}

// Out of line, so that short keys do not pay for long ones.
__attribute__((no_sanitize("thread"), noinline)) static _Bool larder_middle_equals_racing(
    const char *left, const char *right, uint64_t count) {
    uint64_t one, other;
    for (uint64_t offset = 8; offset + 8 < count; offset += 8) {
        __builtin_memcpy(&one, left + offset, 8);
        __builtin_memcpy(&other, right + offset, 8);
        if (one != other) return 0;
    }
    return 1;
}

/// Whether bytes that another thread may be writing are equal to others.
LARDER_RACING _Bool larder_equals_racing(const void *racing, const void *bytes, uint64_t count) {
    const char *left = (const char *)racing, *right = (const char *)bytes;
    uint64_t one, other;
    if (count < 8) {
        for (uint64_t offset = 0; offset < count; offset++) {
            if (((const volatile char *)left)[offset] != right[offset]) return 0;
        }
        return 1;
    }
    __builtin_memcpy(&one, left, 8);
    __builtin_memcpy(&other, right, 8);
    if (one != other) return 0;
    // The last word may overlap the one before.
    __builtin_memcpy(&one, left + count - 8, 8);
    __builtin_memcpy(&other, right + count - 8, 8);
    if (one != other) return 0;
    return count <= 16 || larder_middle_equals_racing(left, right, count);
}

/// Copies `size` bytes, a constant, so that no call is made for it.
#define LARDER_COPY(size, offset) \
    do { \
        struct { char bytes[size]; } block; \
        __builtin_memcpy(&block, from + (offset), size); \
        __builtin_memcpy(to + (offset), &block, size); \
    } while (0)

// Out of line, so that short values do not pay for long ones.
__attribute__((no_sanitize("thread"), noinline)) static void larder_copy_blocks_racing(
    char *to, const char *from, uint64_t count) {
    for (uint64_t offset = 0; offset + 64 < count; offset += 64) LARDER_COPY(64, offset);
    LARDER_COPY(64, count - 64);
}

/// Copies bytes that another thread may be writing. Short ones without a call, which would cost more than they do: two blocks that may overlap.
LARDER_RACING void larder_copy_racing(void *target, const void *racing, uint64_t count) {
    char *to = (char *)target;
    const char *from = (const char *)racing;
    if (count > 128) {
        larder_copy_blocks_racing(to, from, count);
    } else if (count >= 64) {
        LARDER_COPY(64, 0);
        LARDER_COPY(64, count - 64);
    } else if (count >= 32) {
        LARDER_COPY(32, 0);
        LARDER_COPY(32, count - 32);
    } else if (count >= 16) {
        LARDER_COPY(16, 0);
        LARDER_COPY(16, count - 16);
    } else if (count >= 8) {
        LARDER_COPY(8, 0);
        LARDER_COPY(8, count - 8);
    } else {
        for (uint64_t offset = 0; offset < count; offset++) to[offset] = ((const volatile char *)from)[offset];
    }
}

/// Retains a Swift object. Out of line and unknown to the optimizer, which may put Swift's own retains off, beyond the store that ends a section (see
/// RetainSections.swift).
void *larder_retain(void *object);

/// A number that belongs to the calling thread: whatever larder_set_thread_number said last, 0 before.
extern _Thread_local int64_t larder_thread_number
#if defined(__linux__)
    __attribute__((tls_model("initial-exec")))
#endif
    ;
static inline int64_t larder_get_thread_number(void) { return larder_thread_number; }
static inline void larder_set_thread_number(int64_t number) { larder_thread_number = number; }

#endif
