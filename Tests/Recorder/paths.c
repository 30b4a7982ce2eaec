/*
 * What a descriptor or a path means: a file, a directory or an entry of the
 * watched tree, the file for marks, or something that is none of our business.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Descriptors above this are looked up each time. */
#define REMEMBERED 65536

static _Atomic uint8_t remembered[REMEMBERED];

/* Where the descriptor leads, canonical; empty if nowhere. */
static void descriptor_path(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

static bool in_tree(const char *path) {
    return strncmp(path, root_path, root_path_length) == 0 &&
           (path[root_path_length] == '/' || path[root_path_length] == 0);
}

static enum descriptor_kind classify(int fd, const struct stat *status) {
    char path[PATH_MAX];
    if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)) return DESCRIPTOR_OTHER;
    descriptor_path(fd, path);
    if (mark_path[0] && strcmp(path, mark_path) == 0) return DESCRIPTOR_MARK;
    if (status->st_dev != root_device || !in_tree(path)) return DESCRIPTOR_OTHER;
    return S_ISDIR(status->st_mode) ? DESCRIPTOR_DIRECTORY : DESCRIPTOR_FILE;
}

struct descriptor descriptor(int fd) {
    int error = errno;
    struct descriptor result = {DESCRIPTOR_OTHER, 0, false};
    bool slot = fd >= 0 && fd < REMEMBERED;
    enum descriptor_kind known = slot ? remembered[fd] : DESCRIPTOR_UNKNOWN;
    struct stat status;

    if (known != DESCRIPTOR_OTHER && fstat(fd, &status) == 0) {
        /* A number closed behind our back may have come to mean another thing. */
        result.kind = classify(fd, &status);
        result.inode = status.st_ino;
        if (slot) remembered[fd] = (uint8_t)result.kind;
        if (result.kind == DESCRIPTOR_FILE) {
            int flags = fcntl(fd, F_GETFL);
            result.durable_on_return = flags >= 0 && (flags & (O_DSYNC | O_SYNC)) != 0;
        }
    }
    errno = error;
    return result;
}

void forget_descriptor(int fd) {
    if (fd >= 0 && fd < REMEMBERED) remembered[fd] = DESCRIPTOR_UNKNOWN;
}

struct place place(int directory, const char *path) {
    int error = errno;
    struct place result = {false, 0, ""};
    char parent[PATH_MAX], canonical[PATH_MAX];
    size_t length = strnlen(path, PATH_MAX);
    while (length > 1 && path[length - 1] == '/') length--;

    size_t start = length;
    while (start > 0 && path[start - 1] != '/') start--;
    size_t name = length - start;
    if (length < PATH_MAX && name > 0 && name < sizeof result.name) {
        memcpy(result.name, path + start, name);
        result.name[name] = 0;
        memcpy(parent, path, start);
        memcpy(parent + start, ".", 2);
        int fd = (int)syscall(SYS_openat, directory, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        struct stat status;
        if (fd >= 0) {
            descriptor_path(fd, canonical);
            if (fstat(fd, &status) == 0 && status.st_dev == root_device && in_tree(canonical)) {
                result.watched = true;
                result.directory = status.st_ino;
                if (mark_path[0]) {
                    size_t used = strlen(canonical);
                    if (strncmp(mark_path, canonical, used) == 0 && mark_path[used] == '/' &&
                        strcmp(mark_path + used + 1, result.name) == 0)
                        result.watched = false;
                }
            }
            syscall(SYS_close, fd);
        }
    }
    errno = error;
    return result;
}

ino_t inode_at(int directory, const char *path, int flags) {
    int error = errno;
    struct stat status;
    ino_t inode = fstatat(directory, path, &status, flags) == 0 ? status.st_ino : 0;
    errno = error;
    return inode;
}
