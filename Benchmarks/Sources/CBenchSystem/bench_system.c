#define _GNU_SOURCE
#include "bench_system.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAS_VALGRIND 1
#endif

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t bench_now(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t bench_processor_time(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

void bench_touch_memory(size_t size) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
#ifdef MADV_HUGEPAGE
    // Of usual size they would come from among those that are in use already, and leave the whole free ones, of which huge ones are made, where they are.
    madvise(memory, size, MADV_HUGEPAGE);
#endif
    for (size_t offset = 0; offset < size; offset += 4096) memory[offset] = 1;
    munmap(memory, size);
}

// The layout of flush_counts in FlushCounter's header. That library is preloaded, never linked: linked, it would count in every process.
struct counts {
    uint64_t flushes, bytes_written;
};

bool bench_flush_counts(uint64_t *flushes, uint64_t *bytes_written) {
    static void (*read_counts)(struct counts *);
    if (!read_counts) read_counts = (void (*)(struct counts *))dlsym(RTLD_DEFAULT, "flush_counter_read");
    if (!read_counts) return false;
    struct counts counts;
    read_counts(&counts);
    *flushes = counts.flushes;
    *bytes_written = counts.bytes_written;
    return true;
}

int bench_probe_flush(const char *directory, uint64_t *nanoseconds, size_t count) {
    char path[4096], block[4096];
    if (snprintf(path, sizeof path, "%s/flush-probe", directory) >= (int)sizeof path) return ENAMETOOLONG;
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return errno;
    unlink(path);
    int code = 0;
    // The first write allocates the block; from then on a flush carries data alone.
    for (size_t i = 0; i <= count && !code; i++) {
        memset(block, (int)i, sizeof block);
        uint64_t start = bench_now();
        if (pwrite(descriptor, block, sizeof block, 0) != (ssize_t)sizeof block || fdatasync(descriptor)) code = errno;
        if (i) nanoseconds[i - 1] = bench_now() - start;
    }
    close(descriptor);
    return code;
}

void bench_end_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1) _exit(0);
}

static void *spin(void *unused) {
    (void)unused;
    struct sched_param parameters = {0};
    sched_setscheduler(0, SCHED_IDLE, &parameters);
    // Not a pause instruction: under a hypervisor that would let the processor be taken away.
    for (volatile uint64_t turns = 0;; turns++) {}
    return NULL;
}

void bench_spin(void) {
    bench_end_with_parent();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread;
    for (long i = 1; i < processors; i++) pthread_create(&thread, NULL, spin, NULL);
    spin(NULL);
    abort();
}

uint64_t bench_anonymous_memory(void) {
    malloc_trim(0);
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) return 0;
    char line[256];
    unsigned long long kilobytes = 0;
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "RssAnon: %llu kB", &kilobytes) == 1) break;
    fclose(status);
    return kilobytes * 1024;
}

int bench_drop_cached(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    // Only clean pages can be dropped.
    int code = fdatasync(descriptor) ? errno : posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
    return code;
}

#ifdef HAS_VALGRIND
bool bench_under_valgrind(void) { return RUNNING_ON_VALGRIND != 0; }
void bench_start_counting(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}
void bench_stop_counting(void) { CALLGRIND_STOP_INSTRUMENTATION; }
#else
bool bench_under_valgrind(void) { return false; }
void bench_start_counting(void) {}
void bench_stop_counting(void) {}
#endif
