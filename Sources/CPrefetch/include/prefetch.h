#ifndef LARDER_PREFETCH_H
#define LARDER_PREFETCH_H

/// Asks the processor to bring the cache line at an address closer. Any address will do: a bad one is ignored.
static inline void larder_prefetch(const void *address) {
    __builtin_prefetch(address);
}

/// Asks for every line of the 4 KiB that an address lies in.
static inline void larder_prefetch_page(const void *address) {
    const char *page = (const char *)((unsigned long)address & ~4095UL);
    for (int offset = 0; offset < 4096; offset += 64) __builtin_prefetch(page + offset);
}

#endif
