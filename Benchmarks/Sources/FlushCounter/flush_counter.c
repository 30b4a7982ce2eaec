// Preloaded into a measured process (LD_PRELOAD): counts flushes and bytes written, for every peer alike, by standing in front of libc.

#define _GNU_SOURCE
#include "flush_counter.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_uint_fast64_t flushes, bytes_written;

void flush_counter_read(flush_counts *counts) {
    counts->flushes = atomic_load(&flushes);
    counts->bytes_written = atomic_load(&bytes_written);
}

// Which descriptors flush on every write. Descriptors past the end are counted as ordinary ones.
enum { DESCRIPTORS = 1 << 16 };
static atomic_bool flushes_each_write[DESCRIPTORS];

// The next definition of the function of this name, found at the first call (others' constructors may run before ours).
#define NEXT(type, name)                                                      \
    static _Atomic(type) next_##name;                                         \
    static type find_##name(void) {                                           \
        type found = atomic_load_explicit(&next_##name, memory_order_acquire);\
        if (!found) {                                                         \
            found = (type)dlsym(RTLD_NEXT, #name);                            \
            atomic_store_explicit(&next_##name, found, memory_order_release); \
        }                                                                     \
        return found;                                                         \
    }

static int opened(int descriptor, int flags) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        atomic_store_explicit(&flushes_each_write[descriptor], (flags & O_DSYNC) != 0, memory_order_relaxed);
    return descriptor;
}

static ssize_t wrote(int descriptor, ssize_t result) {
    if (result > 0) {
        atomic_fetch_add_explicit(&bytes_written, (uint64_t)result, memory_order_relaxed);
        if (descriptor < DESCRIPTORS && atomic_load_explicit(&flushes_each_write[descriptor], memory_order_relaxed))
            atomic_fetch_add_explicit(&flushes, 1, memory_order_relaxed);
    }
    return result;
}

static int flushed(int result) {
    atomic_fetch_add_explicit(&flushes, 1, memory_order_relaxed);
    return result;
}

// O_SYNC contains the bit of O_DSYNC, so one test finds both.

#define MODE_OF(flags)                                  \
    mode_t mode = 0;                                    \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
        va_list arguments;                              \
        va_start(arguments, flags);                     \
        mode = va_arg(arguments, mode_t);               \
        va_end(arguments);                              \
    }

typedef int (*open_function)(const char *, int, ...);
typedef int (*openat_function)(int, const char *, int, ...);

#define OPEN(name)                                              \
    NEXT(open_function, name)                                   \
    int name(const char *path, int flags, ...) {                \
        MODE_OF(flags)                                          \
        return opened(find_##name()(path, flags, mode), flags); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                       \
    NEXT(openat_function, name)                                            \
    int name(int directory, const char *path, int flags, ...) {            \
        MODE_OF(flags)                                                     \
        return opened(find_##name()(directory, path, flags, mode), flags); \
    }
OPENAT(openat)
OPENAT(openat64)

// What open becomes in programs compiled with _FORTIFY_SOURCE.
typedef int (*checked_open_function)(const char *, int);
#define CHECKED_OPEN(name)                                \
    NEXT(checked_open_function, name)                     \
    int name(const char *path, int flags) {               \
        return opened(find_##name()(path, flags), flags); \
    }
CHECKED_OPEN(__open_2)
CHECKED_OPEN(__open64_2)

typedef ssize_t (*write_function)(int, const void *, size_t);
NEXT(write_function, write)
ssize_t write(int descriptor, const void *bytes, size_t count) {
    return wrote(descriptor, find_write()(descriptor, bytes, count));
}

typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);
#define PWRITE(name)                                                                    \
    NEXT(pwrite_function, name)                                                         \
    ssize_t name(int descriptor, const void *bytes, size_t count, off_t offset) {       \
        return wrote(descriptor, find_##name()(descriptor, bytes, count, offset));      \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

typedef ssize_t (*writev_function)(int, const struct iovec *, int);
NEXT(writev_function, writev)
ssize_t writev(int descriptor, const struct iovec *vectors, int count) {
    return wrote(descriptor, find_writev()(descriptor, vectors, count));
}

typedef ssize_t (*pwritev_function)(int, const struct iovec *, int, off_t);
#define PWRITEV(name)                                                                    \
    NEXT(pwritev_function, name)                                                         \
    ssize_t name(int descriptor, const struct iovec *vectors, int count, off_t offset) { \
        return wrote(descriptor, find_##name()(descriptor, vectors, count, offset));     \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

typedef int (*descriptor_function)(int);
#define FLUSH(name)                                  \
    NEXT(descriptor_function, name)                  \
    int name(int descriptor) { return flushed(find_##name()(descriptor)); }
FLUSH(fsync)
FLUSH(fdatasync)

typedef int (*msync_function)(void *, size_t, int);
NEXT(msync_function, msync)
int msync(void *address, size_t length, int flags) {
    int result = find_msync()(address, length, flags);
    return (flags & MS_SYNC) ? flushed(result) : result;
}
