/*
 * The calls that open files and change directories.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEMPORARY (O_TMPFILE & ~O_DIRECTORY)

/* ---- Opening ------------------------------------------------------------------ */

static void record_entry(enum record_kind kind, ino_t file, const struct place *where) {
    record_text(
        (struct record_header){.kind = (uint16_t)kind, .file = file, .directory = where->directory}, where->name,
        strlen(where->name));
}

static void record_opened(int fd, int flags, const struct place *where, const struct stat *before) {
    struct stat now;
    if (fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) return;
    if (flags & TEMPORARY) {
        /* A file without a name yet. */
        struct place nowhere = {true, 0, ""};
        record_entry(RECORD_CREATE, now.st_ino, &nowhere);
    } else if (!before) {
        record_entry(RECORD_CREATE, now.st_ino, where);
    } else if ((flags & O_TRUNC) && before->st_size > 0 && (flags & O_ACCMODE) != O_RDONLY) {
        record((struct record_header){.kind = RECORD_TRUNCATE, .file = now.st_ino}, NULL, 0, 0);
    }
}

static int open_call(int directory, const char *path, int flags, mode_t mode) {
    if (!recording()) {
        int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
        forget_descriptor(fd);
        return fd;
    }
    bool temporary = (flags & TEMPORARY) != 0;
    struct place where = place(directory, path);
    if (!where.watched && !temporary) {
        int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
        forget_descriptor(fd);
        return fd;
    }

    begin_operation();
    struct fault fault = next_fault(OPERATION_OPEN);
    struct stat before;
    bool existed = fstatat(directory, path, &before, 0) == 0;
    int fd = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    int error = errno;
    forget_descriptor(fd);
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC | TEMPORARY)) && descriptor(fd).kind == DESCRIPTOR_FILE)
        record_opened(fd, flags, &where, existed ? &before : NULL);
    finish_fault(fault);
    errno = error;
    end_operation();
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    return (flags & O_CREAT) || (flags & TEMPORARY) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_call(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_call(directory, path, flags, mode);
}

int creat(const char *path, mode_t mode) { return open_call(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
int creat64(const char *, mode_t) __attribute__((alias("creat")));

/* What the compiler calls when it checks that no mode is needed. */
int __open_2(const char *path, int flags) { return open_call(AT_FDCWD, path, flags, 0); }
int __openat_2(int directory, const char *path, int flags) { return open_call(directory, path, flags, 0); }
int __open64_2(const char *, int) __attribute__((alias("__open_2")));
int __openat64_2(int, const char *, int) __attribute__((alias("__openat_2")));

/* ---- Descriptors that come to mean something else ------------------------------ */

int close(int fd) {
    forget_descriptor(fd);
    return (int)syscall(SYS_close, fd);
}

int dup(int fd) {
    int result = (int)syscall(SYS_dup, fd);
    forget_descriptor(result);
    return result;
}

int dup3(int fd, int target, int flags) {
    int result = (int)syscall(SYS_dup3, fd, target, flags);
    forget_descriptor(target);
    return result;
}

int dup2(int fd, int target) {
    if (fd == target) return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
    return dup3(fd, target, 0);
}

/* The C library writes its streams by calls that cannot be replaced. */
static FILE *stream(const char *symbol, const char *path, const char *mode) {
    FILE *(*next)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, symbol);
    FILE *result = next(path, mode);
    if (result && recording()) {
        int fd = fileno(result);
        forget_descriptor(fd);
        struct descriptor target = descriptor(fd);
        if ((target.kind == DESCRIPTOR_FILE || target.kind == DESCRIPTOR_MARK) && strpbrk(mode, "wa+")) {
            begin_operation();
            record_unrecordable(target.inode, "a stream of the C library");
            end_operation();
        }
    }
    return result;
}

FILE *fopen(const char *path, const char *mode) { return stream("fopen", path, mode); }
FILE *fopen64(const char *path, const char *mode) { return stream("fopen64", path, mode); }

int fclose(FILE *file) {
    forget_descriptor(fileno(file));
    int (*next)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
    return next(file);
}

/* ---- Directories ----------------------------------------------------------------- */

static int rename_call(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    if (!recording()) return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
    struct place source = place(from_directory, from), target = place(to_directory, to);
    if (!source.watched && !target.watched)
        return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);

    begin_operation();
    struct fault fault = next_fault(OPERATION_DIRECTORY);
    ino_t file = inode_at(from_directory, from, AT_SYMLINK_NOFOLLOW);
    int result = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        result = (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
    int error = errno;
    if (result == 0) {
        if (!source.watched || !target.watched || (flags & ~1u)) {
            record_unrecordable(file, "a rename over the watched directory's edge, or an exchange");
        } else {
            struct iovec names[2] = {
                {source.name, strlen(source.name) + 1},
                {target.name, strlen(target.name)},
            };
            record(
                (struct record_header){
                    .kind = RECORD_RENAME,
                    .file = file,
                    .directory = source.directory,
                    .argument = target.directory,
                },
                names, 2, names[0].iov_len + names[1].iov_len);
        }
    }
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

int rename(const char *from, const char *to) { return rename_call(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int d, const char *from, int e, const char *to) { return rename_call(d, from, e, to, 0); }
int renameat2(int d, const char *from, int e, const char *to, unsigned flags) {
    return rename_call(d, from, e, to, flags);
}

/* Performs `number(directory, path, argument)` on an entry and records it. */
static int entry_call(long number, int directory, const char *path, long argument, enum record_kind kind) {
    if (!recording()) return (int)syscall(number, directory, path, argument);
    struct place where = place(directory, path);
    if (!where.watched) return (int)syscall(number, directory, path, argument);

    begin_operation();
    struct fault fault = next_fault(OPERATION_DIRECTORY);
    ino_t file = inode_at(directory, path, AT_SYMLINK_NOFOLLOW);
    int result = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        result = (int)syscall(number, directory, path, argument);
    int error = errno;
    if (result == 0) {
        if (kind == RECORD_MAKE_DIRECTORY) file = inode_at(directory, path, AT_SYMLINK_NOFOLLOW);
        record_entry(kind, file, &where);
    }
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

int unlink(const char *path) { return entry_call(SYS_unlinkat, AT_FDCWD, path, 0, RECORD_REMOVE); }
int unlinkat(int d, const char *path, int flags) { return entry_call(SYS_unlinkat, d, path, flags, RECORD_REMOVE); }
int rmdir(const char *path) { return entry_call(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR, RECORD_REMOVE); }
int mkdir(const char *path, mode_t m) { return entry_call(SYS_mkdirat, AT_FDCWD, path, m, RECORD_MAKE_DIRECTORY); }
int mkdirat(int d, const char *path, mode_t m) { return entry_call(SYS_mkdirat, d, path, m, RECORD_MAKE_DIRECTORY); }

int remove(const char *path) {
    int result = unlink(path);
    return result == 0 || errno != EISDIR ? result : rmdir(path);
}

static int link_call(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    if (!recording()) return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
    struct place where = place(to_directory, to);
    if (!where.watched) return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);

    begin_operation();
    struct fault fault = next_fault(OPERATION_DIRECTORY);
    int result = -1;
    if (fault.action == ACT_FAIL || fault.action == ACT_FAIL_LATE)
        errno = fault.error;
    else
        result = (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
    int error = errno;
    if (result == 0) record_entry(RECORD_LINK, inode_at(to_directory, to, AT_SYMLINK_NOFOLLOW), &where);
    finish_fault(fault);
    errno = error;
    end_operation();
    return result;
}

int link(const char *from, const char *to) { return link_call(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int d, const char *from, int e, const char *to, int flags) { return link_call(d, from, e, to, flags); }

static int symlink_call(const char *target, int directory, const char *path) {
    int result = (int)syscall(SYS_symlinkat, target, directory, path);
    if (result == 0 && recording() && place(directory, path).watched) {
        begin_operation();
        record_unrecordable(inode_at(directory, path, AT_SYMLINK_NOFOLLOW), "a symbolic link");
        end_operation();
    }
    return result;
}

int symlink(const char *target, const char *path) { return symlink_call(target, AT_FDCWD, path); }
int symlinkat(const char *target, int directory, const char *path) { return symlink_call(target, directory, path); }

/* ---- Names that the C library makes up: made here from calls that are recorded ---- */

static bool make_up(char *six) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    unsigned char bytes[6];
    if (syscall(SYS_getrandom, bytes, sizeof bytes, 0) != (long)sizeof bytes) return false;
    for (size_t i = 0; i < sizeof bytes; i++) six[i] = letters[bytes[i] % (sizeof letters - 1)];
    return true;
}

static char *placeholder(char *pattern, int suffix) {
    size_t length = strlen(pattern);
    if (suffix < 0 || length < 6 + (size_t)suffix) return NULL;
    char *six = pattern + length - (size_t)suffix - 6;
    return memcmp(six, "XXXXXX", 6) == 0 ? six : NULL;
}

int mkostemps(char *pattern, int suffix, int flags) {
    char *six = placeholder(pattern, suffix);
    errno = EINVAL;
    for (int attempt = 0; six && attempt < 100 && make_up(six); attempt++) {
        int fd = open_call(AT_FDCWD, pattern, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}
int mkostemp(char *pattern, int flags) { return mkostemps(pattern, 0, flags); }
int mkstemps(char *pattern, int suffix) { return mkostemps(pattern, suffix, 0); }
int mkstemp(char *pattern) { return mkostemps(pattern, 0, 0); }
int mkostemps64(char *, int, int) __attribute__((alias("mkostemps")));
int mkostemp64(char *, int) __attribute__((alias("mkostemp")));
int mkstemps64(char *, int) __attribute__((alias("mkstemps")));
int mkstemp64(char *) __attribute__((alias("mkstemp")));

char *mkdtemp(char *pattern) {
    char *six = placeholder(pattern, 0);
    errno = EINVAL;
    for (int attempt = 0; six && attempt < 100 && make_up(six); attempt++) {
        if (mkdir(pattern, 0700) == 0) return pattern;
        if (errno != EEXIST) return NULL;
    }
    return NULL;
}
