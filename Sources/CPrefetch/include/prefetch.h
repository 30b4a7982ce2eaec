#ifndef LARDER_PREFETCH_H
#define LARDER_PREFETCH_H

/// Asks the processor to bring the cache line at an address closer. Any address will do: a bad one is ignored.
static inline void larder_prefetch(const void *address) {
    __builtin_prefetch(address);
}

#endif
