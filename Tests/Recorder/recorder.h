/*
 * The recorder: a library to preload that logs what a process does to the files
 * below one directory. README.md documents its use and the log's format.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Nothing of this is seen by the process that is recorded. */
#pragma GCC visibility push(hidden)

/* ---- The log's format (little-endian; README.md) -------------------------- */

#define LOG_MAGIC "LARDREC1"
#define RECORD_MAGIC 0x4345524Cu

struct log_header {
    char magic[8];
    uint32_t header_bytes;
    uint32_t record_header_bytes;
    uint64_t root_inode;
};

enum record_kind {
    RECORD_WRITE = 1,
    RECORD_SYNC = 2,
    RECORD_TRUNCATE = 3,
    RECORD_CREATE = 4,
    RECORD_LINK = 5,
    RECORD_RENAME = 6,
    RECORD_REMOVE = 7,
    RECORD_MAKE_DIRECTORY = 8,
    RECORD_MARK = 9,
    RECORD_UNRECORDABLE = 10,
};

enum record_flag {
    FLAG_DURABLE_ON_RETURN = 1, /* O_DSYNC, O_SYNC or RWF_DSYNC */
    FLAG_FAILED = 2,            /* the caller was told so */
    FLAG_LIED = 4,              /* a sync that did nothing and said it did */
    FLAG_BASE = 8,              /* was there before the recording: durable */
};

struct record_header {
    uint32_t magic;
    uint16_t kind;
    uint16_t flags;
    uint64_t sequence;
    uint64_t file;      /* inode the operation is about; 0 for all of them */
    uint64_t directory; /* inode of the directory whose entry changes */
    uint64_t argument;  /* write: offset; truncate: size; rename: target directory */
    int64_t result;     /* what the caller got; minus errno if it failed */
    uint32_t process;
    uint32_t thread;
    uint32_t payload_bytes;
    uint32_t reserved;
};

/* ---- The control file: shared by all recorded processes -------------------- */

enum counter {
    COUNT_WRITES,
    COUNT_BYTES_WRITTEN,
    COUNT_SYNCS,
    COUNT_FLUSHES, /* syncs, and writes that are durable on return */
    COUNT_TRUNCATIONS,
    COUNT_OPENS,
    COUNT_DIRECTORY_OPERATIONS,
    COUNT_MARKS,
    COUNT_ALLOCATIONS,
    COUNTERS,
};

/* Counts one operation. The recorder's lock is held. */
void count(enum counter counter, uint64_t by);
/* How often it was counted so far. */
uint64_t counted(enum counter counter);

/* ---- Recording (record.c) --------------------------------------------------- */

/* Whether calls of this thread are to be recorded: not without a directory to
   watch, and not for the recorder's own. */
bool recording(void);

/* The root directory, canonical, and its device and inode. */
extern char root_path[];
extern size_t root_path_length;
extern dev_t root_device;
extern ino_t root_inode;
/* The canonical path of the file for marks; empty if there is none. */
extern char mark_path[];

/* One operation and its record are one step for all recorded processes. */
void begin_operation(void);
void end_operation(void);

/* Appends a record, completing its header. The recorder's lock is held. */
void record(struct record_header header, const struct iovec *payload, int parts, size_t bytes);
void record_text(struct record_header header, const char *text, size_t bytes);

/* Notes that something happened that the log does not hold. */
void record_unrecordable(ino_t file, const char *what);
/* The same of a descriptor, if its file is watched. */
void note_unrecordable(int fd, const char *what);

/* ---- What a descriptor or a path means (paths.c) ----------------------------- */

enum descriptor_kind { DESCRIPTOR_UNKNOWN, DESCRIPTOR_OTHER, DESCRIPTOR_FILE, DESCRIPTOR_DIRECTORY, DESCRIPTOR_MARK };

struct descriptor {
    enum descriptor_kind kind;
    ino_t inode;
    bool durable_on_return;
};

/* What the descriptor refers to; looked up once, then remembered. */
struct descriptor descriptor(int fd);
/* Forgets what was remembered: the number now means something else. */
void forget_descriptor(int fd);

struct place {
    bool watched; /* The entry is in the watched tree. */
    ino_t directory;
    char name[256];
};

/* The directory entry that the path names, whether it exists or not. */
struct place place(int directory, const char *path);
/* The inode that the path leads to; 0 if there is none. */
ino_t inode_at(int directory, const char *path, int flags);

/* ---- Faults (faults.c) -------------------------------------------------------- */

enum operation { OPERATION_WRITE, OPERATION_SYNC, OPERATION_TRUNCATE, OPERATION_OPEN, OPERATION_DIRECTORY, OPERATION_MEMORY };

enum action { ACT_NORMALLY, ACT_FAIL, ACT_FAIL_LATE, ACT_SHORT, ACT_LIE };

struct fault {
    enum action action;
    int error;
    bool kill;
    bool stop;
    bool slow;
};

/* Reads LARDER_RECORDER_FAULTS; ends the process if it is malformed. */
void parse_faults(void);
/* Counts an operation and says how it is to go. The recorder's lock is held, and let go of for a while before a slow one. */
struct fault next_fault(enum operation operation);
/* Kills or stops the process if the fault says so. The lock is held. */
void finish_fault(struct fault fault);

#pragma GCC visibility pop

#endif
