/*
 * The log and the control file. Every operation on a watched file is performed
 * and logged under one lock, shared between processes, so the order of the
 * records is the order in which the operations took effect. The lock is robust:
 * a process may be killed while it holds it.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The counters come first, where a reader of the file finds them. */
struct control {
    char magic[8];
    uint64_t counters[COUNTERS];
    uint64_t sequence;
    uint64_t ready;
    pthread_mutex_t lock;
};

char root_path[PATH_MAX];
size_t root_path_length;
dev_t root_device;
ino_t root_inode;
char mark_path[PATH_MAX];

static struct control *control;
static int log_descriptor = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Set while this thread is inside the recorder. */
static __thread int inside;

static void die(const char *what) {
    dprintf(STDERR_FILENO, "recorder: %s: %s\n", what, strerror(errno));
    _exit(70);
}

/* A descriptor of our own, high up where programs that count theirs, or close
   the low ones, do not meet it. */
static int open_high(const char *path, int flags) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
    if (fd < 0) die(path);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);
    if (high < 0) return fd;
    syscall(SYS_close, fd);
    return high;
}

static void write_log(const struct iovec *parts, int count, size_t bytes) {
    ssize_t written = syscall(SYS_writev, log_descriptor, parts, count);
    if (written < 0 || (size_t)written != bytes) die("the log could not be written");
}

void record(struct record_header header, const struct iovec *payload, int parts, size_t bytes) {
    if (log_descriptor < 0) return;
    header.magic = RECORD_MAGIC;
    header.sequence = ++control->sequence;
    header.process = (uint32_t)getpid();
    header.thread = (uint32_t)syscall(SYS_gettid);
    header.payload_bytes = (uint32_t)bytes;

    struct iovec all[IOV_MAX];
    int count = 0;
    all[count++] = (struct iovec){&header, sizeof header};
    if (parts >= IOV_MAX) die("a write of too many parts");
    for (int i = 0; i < parts && bytes > 0; i++) {
        size_t part = payload[i].iov_len < bytes ? payload[i].iov_len : bytes;
        all[count++] = (struct iovec){payload[i].iov_base, part};
        bytes -= part;
    }
    write_log(all, count, sizeof header + header.payload_bytes);
}

void record_text(struct record_header header, const char *text, size_t bytes) {
    struct iovec payload = {(void *)(uintptr_t)text, bytes};
    record(header, &payload, 1, bytes);
}

void record_unrecordable(ino_t file, const char *what) {
    record_text((struct record_header){.kind = RECORD_UNRECORDABLE, .file = file}, what, strlen(what));
}

void count(enum counter counter, uint64_t by) { control->counters[counter] += by; }

uint64_t counted(enum counter counter) { return control->counters[counter]; }

void begin_operation(void) {
    inside++;
    int error = pthread_mutex_lock(&control->lock);
    if (error == EOWNERDEAD) pthread_mutex_consistent(&control->lock);
}

void end_operation(void) {
    int error = errno;
    pthread_mutex_unlock(&control->lock);
    inside--;
    errno = error;
}

/* Records a file or a tree that was there before the recording began. */
static void record_base(int directory, ino_t directory_inode, const char *name) {
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    struct record_header entry = {
        .kind = S_ISDIR(status.st_mode) ? RECORD_MAKE_DIRECTORY : RECORD_CREATE,
        .flags = FLAG_BASE,
        .file = status.st_ino,
        .directory = directory_inode,
    };
    if (S_ISDIR(status.st_mode)) {
        record_text(entry, name, strlen(name));
        int child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *listing = child < 0 ? NULL : fdopendir(child);
        if (!listing) die(name);
        for (struct dirent *next; (next = readdir(listing));) {
            if (strcmp(next->d_name, ".") == 0 || strcmp(next->d_name, "..") == 0) continue;
            record_base(dirfd(listing), status.st_ino, next->d_name);
        }
        closedir(listing);
    } else if (S_ISREG(status.st_mode)) {
        record_text(entry, name, strlen(name));
        int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0) die(name);
        static char buffer[1 << 20];
        off_t offset = 0;
        for (ssize_t got; (got = pread(fd, buffer, sizeof buffer, offset)) > 0; offset += got) {
            record_text(
                (struct record_header){
                    .kind = RECORD_WRITE,
                    .flags = FLAG_BASE,
                    .file = status.st_ino,
                    .argument = (uint64_t)offset,
                    .result = got,
                },
                buffer, (size_t)got);
        }
        syscall(SYS_close, fd);
    } else {
        record_unrecordable(status.st_ino, "neither a file nor a directory");
    }
}

static void record_tree(void) {
    DIR *listing = opendir(root_path);
    if (!listing) die(root_path);
    for (struct dirent *next; (next = readdir(listing));) {
        if (strcmp(next->d_name, ".") == 0 || strcmp(next->d_name, "..") == 0) continue;
        record_base(dirfd(listing), root_inode, next->d_name);
    }
    closedir(listing);
}

static void open_control(const char *path, const char *log) {
    int fd = open_high(path, O_RDWR | O_CREAT);
    /* Whoever comes first prepares it, and the log with it. */
    if (flock(fd, LOCK_EX) != 0 || ftruncate(fd, sizeof(struct control)) != 0) die(path);
    control = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) die(path);
    if (log) log_descriptor = open_high(log, O_WRONLY | O_CREAT | O_APPEND);
    if (!control->ready) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&control->lock, &attributes);
        memcpy(control->magic, LOG_MAGIC, sizeof control->magic);
        if (log) {
            struct log_header header = {LOG_MAGIC, sizeof header, sizeof(struct record_header), root_inode};
            write_log(&(struct iovec){&header, sizeof header}, 1, sizeof header);
            record_tree();
        }
        control->ready = 1;
    }
    /* Closed, the file's lock goes, and the mapping stays. */
    syscall(SYS_close, fd);
}

static void start(void) {
    const char *directory = getenv("LARDER_RECORDER_DIRECTORY");
    const char *log = getenv("LARDER_RECORDER_LOG");
    const char *path = getenv("LARDER_RECORDER_CONTROL");
    const char *mark = getenv("LARDER_RECORDER_MARK");
    if (!directory) return;

    inside++;
    struct stat status;
    char beside_log[PATH_MAX];
    if (!realpath(directory, root_path) || stat(root_path, &status) != 0) die(directory);
    root_path_length = strlen(root_path);
    root_device = status.st_dev;
    root_inode = status.st_ino;
    if (mark) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0 || !realpath(mark, mark_path)) die(mark);
        syscall(SYS_close, fd);
    }
    if (!path && log) {
        snprintf(beside_log, sizeof beside_log, "%s.control", log);
        path = beside_log;
    }
    if (!path) {
        errno = EINVAL;
        die("set LARDER_RECORDER_LOG or LARDER_RECORDER_CONTROL");
    }
    parse_faults();
    open_control(path, log);
    inside--;
}

/* The tree is recorded before the program touches it. */
__attribute__((constructor)) static void start_early(void) { pthread_once(&once, start); }

bool recording(void) {
    if (inside) return false;
    int error = errno;
    pthread_once(&once, start);
    errno = error;
    return control != NULL;
}
