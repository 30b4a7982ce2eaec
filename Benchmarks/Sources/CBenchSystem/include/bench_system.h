#ifndef BENCH_SYSTEM_H
#define BENCH_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What the harness needs of the system and Swift cannot say: the scheduler, the preloaded counter, valgrind.

/// Nanoseconds of the monotonic clock.
uint64_t bench_now(void);

/// Nanoseconds of processor time that all threads of this process used so far.
uint64_t bench_processor_time(void);

/// Touches `size` bytes of memory and gives them back, so that whoever needs memory next finds pages that the machine really has.
void bench_touch_memory(size_t size);

/// Reads the counts of the preloaded FlushCounter library; false where it is not preloaded.
bool bench_flush_counts(uint64_t *flushes, uint64_t *bytes_written);

/// Times `count` flushes of one overwritten 4 KiB block of a new file in a directory, nanoseconds each. Returns 0 or errno.
int bench_probe_flush(const char *directory, uint64_t *nanoseconds, size_t count);

/// Burns one thread on every processor at idle priority until killed, or until the parent process ends. Idle priority gives way to any other
/// thread, yet keeps the processors from their sleep states.
void bench_spin(void) __attribute__((noreturn));

/// Asks to be killed when the parent process ends.
void bench_end_with_parent(void);

/// Anonymous resident memory of this process in bytes, free heap given back first.
uint64_t bench_anonymous_memory(void);

/// Drops the clean pages of a file from the page cache. Returns 0 or errno.
int bench_drop_cached(const char *path);

/// True when running under valgrind (and built with its headers).
bool bench_under_valgrind(void);

/// Starts and stops counting instructions; the counts reach callgrind's output file. Nothing happens outside valgrind.
void bench_start_counting(void);
void bench_stop_counting(void);

#endif
