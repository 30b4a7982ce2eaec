#ifndef FLUSH_COUNTER_H
#define FLUSH_COUNTER_H

#include <stdint.h>

/// What this process asked the disk for since it started.
typedef struct {
    /// fdatasync, fsync, msync(MS_SYNC), and writes through an O_DSYNC or O_SYNC descriptor.
    uint64_t flushes;
    /// Bytes handed to write, pwrite, writev and pwritev. Stores through a writable mapping cannot be seen.
    uint64_t bytes_written;
} flush_counts;

/// The counts so far. Looked up with dlsym by the process that this library is preloaded into.
void flush_counter_read(flush_counts *counts);

#endif
