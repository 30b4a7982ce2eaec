#ifndef LARDER_CLMDB_SHIM_H
#define LARDER_CLMDB_SHIM_H

#include <lmdb.h>
#include <stdint.h>

/// Loads an aligned 64-bit integer that another process may be writing.
static inline uint64_t clmdb_load_acquire(const void *address) {
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

#endif
