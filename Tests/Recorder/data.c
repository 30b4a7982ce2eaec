/*
 * The calls that change what files hold, or make it durable.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel takes a file offset in two halves here. */
#define HALVES(offset) (long)(offset), (long)((uint64_t)(offset) >> 32)

/* Marks the offset of a write that goes where the descriptor stands. */
#define AT_POSITION ((off_t)-1)

static size_t total(const struct iovec *parts, int count) {
    size_t bytes = 0;
    for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
    return bytes;
}

static ssize_t do_write(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    if (offset == AT_POSITION && flags == 0) return syscall(SYS_writev, fd, parts, count);
    if (flags == 0) return syscall(SYS_pwritev, fd, parts, count, HALVES(offset));
    return syscall(SYS_pwritev2, fd, parts, count, HALVES(offset), flags);
}

/* Writes the first half, as a disk that fills up does. */
static ssize_t do_half_write(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    struct iovec half[IOV_MAX];
    size_t left = (total(parts, count) + 1) / 2;
    int used = 0;
    for (; used < count && left > 0; used++) {
        half[used] = parts[used];
        if (half[used].iov_len > left) half[used].iov_len = left;
        left -= half[used].iov_len;
    }
    return do_write(fd, half, used, offset, flags);
}

static off_t position(int fd) {
    int flags = fcntl(fd, F_GETFL);
    struct stat status;
    if (flags >= 0 && (flags & O_APPEND)) return fstat(fd, &status) == 0 ? status.st_size : 0;
    return (off_t)syscall(SYS_lseek, fd, 0L, SEEK_CUR);
}

static ssize_t mark(int fd, const struct iovec *parts, int count_of_parts, off_t offset, int flags) {
    begin_operation();
    ssize_t result = do_write(fd, parts, count_of_parts, offset, flags);
    if (result > 0) {
        count(COUNT_MARKS, 1);
        record((struct record_header){.kind = RECORD_MARK, .result = result}, parts, count_of_parts, (size_t)result);
    }
    end_operation();
    return result;
}

static ssize_t write_parts(int fd, const struct iovec *parts, int count_of_parts, off_t offset, int flags) {
    if (!recording() || count_of_parts < 0 || count_of_parts > IOV_MAX)
        return do_write(fd, parts, count_of_parts, offset, flags);
    struct descriptor target = descriptor(fd);
    if (target.kind == DESCRIPTOR_MARK) return mark(fd, parts, count_of_parts, offset, flags);
    if (target.kind != DESCRIPTOR_FILE) return do_write(fd, parts, count_of_parts, offset, flags);

    begin_operation();
    struct fault fault = next_fault(OPERATION_WRITE);
    bool durable = target.durable_on_return || (flags & (RWF_DSYNC | RWF_SYNC));
    struct record_header header = {
        .kind = RECORD_WRITE,
        .flags = durable ? FLAG_DURABLE_ON_RETURN : 0,
        .file = target.inode,
        .argument = (uint64_t)(offset == AT_POSITION ? position(fd) : offset),
    };
    ssize_t result = -1, done = 0;
    switch (fault.action) {
    case ACT_FAIL: errno = fault.error; break;
    case ACT_SHORT: done = result = do_half_write(fd, parts, count_of_parts, offset, flags); break;
    case ACT_FAIL_LATE:
        done = do_write(fd, parts, count_of_parts, offset, flags);
        errno = fault.error;
        break;
    default: done = result = do_write(fd, parts, count_of_parts, offset, flags); break;
    }
    int error = errno;
    size_t reached = done > 0 ? (size_t)done : 0;
    header.result = result >= 0 ? result : -error;
    if (result < 0) header.flags |= FLAG_FAILED;
    count(COUNT_BYTES_WRITTEN, reached);
    if (durable && result >= 0) count(COUNT_FLUSHES, 1);
    record(header, parts, count_of_parts, reached);
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

static ssize_t write_one(int fd, const void *bytes, size_t size, off_t offset) {
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    return write_parts(fd, &part, 1, offset, 0);
}

ssize_t write(int fd, const void *bytes, size_t size) { return write_one(fd, bytes, size, AT_POSITION); }

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    if (offset < 0) {
        errno = EINVAL;
        return -1;
    }
    return write_one(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, AT_POSITION, 0); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    if (offset < 0) {
        errno = EINVAL;
        return -1;
    }
    return write_parts(fd, parts, count, offset, 0);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    return write_parts(fd, parts, count, offset, flags);
}

ssize_t pwrite64(int, const void *, size_t, off64_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off64_t) __attribute__((alias("pwritev")));
ssize_t pwritev64v2(int, const struct iovec *, int, off64_t, int) __attribute__((alias("pwritev2")));

/* ---- Making it durable ------------------------------------------------------ */

static int sync_call(int fd, long number, bool all) {
    if (!recording()) return (int)syscall(number, fd);
    struct descriptor target = descriptor(fd);
    if (!all && target.kind != DESCRIPTOR_FILE && target.kind != DESCRIPTOR_DIRECTORY)
        return (int)syscall(number, fd);

    begin_operation();
    struct fault fault = next_fault(OPERATION_SYNC);
    struct record_header header = {.kind = RECORD_SYNC, .file = all ? 0 : target.inode};
    int result = 0;
    switch (fault.action) {
    case ACT_FAIL:
    case ACT_FAIL_LATE:
        errno = fault.error;
        result = -1;
        break;
    case ACT_LIE: header.flags |= FLAG_LIED; break;
    default: result = (int)syscall(number, fd); break;
    }
    int error = errno;
    header.result = result == 0 ? 0 : -error;
    if (result != 0) header.flags |= FLAG_FAILED;
    count(COUNT_FLUSHES, 1);
    record(header, NULL, 0, 0);
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

int fsync(int fd) { return sync_call(fd, SYS_fsync, false); }
int fdatasync(int fd) { return sync_call(fd, SYS_fdatasync, false); }
int syncfs(int fd) { return sync_call(fd, SYS_syncfs, true); }
void sync(void) { sync_call(-1, SYS_sync, true); }

/* Promises nothing about durability: neither metadata nor the disk's cache. It
   is counted, may fail, and makes nothing durable. */
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
    if (recording() && descriptor(fd).kind == DESCRIPTOR_FILE) {
        begin_operation();
        struct fault fault = next_fault(OPERATION_SYNC);
        finish_fault(fault);
        end_operation();
        if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE) {
            errno = fault.error;
            return -1;
        }
    }
    return (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

/* ---- Sizes -------------------------------------------------------------------- */

static int set_size(int fd, off_t size) {
    if (!recording()) return (int)syscall(SYS_ftruncate, fd, size);
    struct descriptor target = descriptor(fd);
    if (target.kind != DESCRIPTOR_FILE) return (int)syscall(SYS_ftruncate, fd, size);

    begin_operation();
    struct fault fault = next_fault(OPERATION_TRUNCATE);
    int result = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        result = (int)syscall(SYS_ftruncate, fd, size);
    int error = errno;
    if (result == 0)
        record(
            (struct record_header){.kind = RECORD_TRUNCATE, .file = target.inode, .argument = (uint64_t)size}, NULL,
            0, 0);
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

int ftruncate(int fd, off_t size) { return set_size(fd, size); }
int ftruncate64(int, off64_t) __attribute__((alias("ftruncate")));

int truncate(const char *path, off_t size) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    forget_descriptor(fd);
    int result = set_size(fd, size);
    int error = errno;
    syscall(SYS_close, fd);
    forget_descriptor(fd);
    errno = error;
    return result;
}
int truncate64(const char *, off64_t) __attribute__((alias("truncate")));

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    if (!recording()) return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    struct descriptor target = descriptor(fd);
    if (target.kind != DESCRIPTOR_FILE) return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);

    begin_operation();
    struct fault fault = next_fault(OPERATION_TRUNCATE);
    struct stat status;
    int result = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        result = (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    int error = errno;
    if (result == 0 && (mode & ~FALLOC_FL_KEEP_SIZE)) record_unrecordable(target.inode, "fallocate with a mode");
    if (result == 0 && fstat(fd, &status) == 0)
        record(
            (struct record_header){
                .kind = RECORD_TRUNCATE,
                .file = target.inode,
                .argument = (uint64_t)status.st_size,
            },
            NULL, 0, 0);
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}
int fallocate64(int, int, off64_t, off64_t) __attribute__((alias("fallocate")));

int posix_fallocate(int fd, off_t offset, off_t bytes) { return fallocate(fd, 0, offset, bytes) == 0 ? 0 : errno; }
int posix_fallocate64(int, off64_t, off64_t) __attribute__((alias("posix_fallocate")));

/* ---- What the log cannot hold ------------------------------------------------- */

void note_unrecordable(int fd, const char *what) {
    struct descriptor target = descriptor(fd);
    if (target.kind != DESCRIPTOR_FILE) return;
    begin_operation();
    record_unrecordable(target.inode, what);
    end_operation();
}

/* Stores through a shared, writable mapping pass by unseen, and so msync has
   nothing here to make durable. */
int msync(void *address, size_t size, int flags) {
    if (recording() && (flags & MS_SYNC)) {
        begin_operation();
        count(COUNT_FLUSHES, 1);
        end_operation();
    }
    return (int)syscall(SYS_msync, address, size, flags);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
    if (recording()) note_unrecordable(to, "copy_file_range");
    return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, size, flags);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
    if (recording()) note_unrecordable(to, "sendfile");
    return syscall(SYS_sendfile, to, from, offset, size);
}
ssize_t sendfile64(int, int, off64_t *, size_t) __attribute__((alias("sendfile")));
