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

/// Asks for every line of the 4 KiB that an address lies in.
static inline void larder_prefetch_page(const void *address) {
    const char *page = (const char *)((uintptr_t)address & ~(uintptr_t)4095);
    for (int offset = 0; offset < 4096; offset += 64) __builtin_prefetch(page + offset);
}

/// Which of the first seven words of eight bytes in a cache line have `half` as their upper half: bit 2 n + 1 for word n.
static inline uint32_t larder_words_with_upper_half(const void *line, uint32_t half) {
#ifdef __SSE2__
    const __m128i *quarters = (const __m128i *)line;
    const __m128i wanted = _mm_set1_epi32((int)half);
    const __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(quarters[0], wanted), _mm_cmpeq_epi32(quarters[1], wanted));
    const __m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(quarters[2], wanted), _mm_cmpeq_epi32(quarters[3], wanted));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) & 0x2AAA;
#else
    const uint32_t *halves = (const uint32_t *)line;
    uint32_t found = 0;
    for (int word = 0; word < 7; word++) found |= (uint32_t)(halves[2 * word + 1] == half) << (2 * word + 1);
    return found;
#endif
}

#endif
