/*
 * Memory: what LMDB asks the allocator for, and maps of files. Swift's own
 * allocations are let through: the runtime ends the process where one fails.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own names of what is replaced here. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

/* Where LMDB's code lies. */
static uintptr_t first_address, last_address;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int find(struct dl_phdr_info *object, size_t size, void *context) {
    if (!object->dlpi_name || !strstr(object->dlpi_name, "liblmdb")) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        first_address = object->dlpi_addr + part->p_vaddr;
        last_address = first_address + part->p_memsz;
    }
    return 1;
}

static void look(void) { dl_iterate_phdr(find, NULL); }

/* Not before every library has its place. */
__attribute__((constructor)) static void look_early(void) { pthread_once(&once, look); }

static bool is_lmdb(const void *caller) {
    return (uintptr_t)caller >= first_address && (uintptr_t)caller < last_address;
}

/* Whether the request is to be refused; errno says so then. */
static bool refused(void) {
    if (!recording()) return false;
    begin_operation();
    struct fault fault = next_fault(OPERATION_MEMORY);
    finish_fault(fault);
    end_operation();
    if (fault.action != ACT_FAIL) return false;
    errno = fault.error;
    return true;
}

#define IS_REFUSED (is_lmdb(__builtin_return_address(0)) && refused())

void *malloc(size_t size) { return IS_REFUSED ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return IS_REFUSED ? NULL : __libc_calloc(count, size); }

void *realloc(void *memory, size_t size) { return IS_REFUSED ? NULL : __libc_realloc(memory, size); }

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    /* A map of a file, by whomever, or LMDB's. Programs are loaded by other means. */
    if ((is_lmdb(__builtin_return_address(0)) || (fd >= 0 && descriptor(fd).kind == DESCRIPTOR_FILE)) && refused())
        return MAP_FAILED;
    void *result = (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
    bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
    if (result != MAP_FAILED && fd >= 0 && shared && (protection & PROT_WRITE) && recording())
        note_unrecordable(fd, "a shared writable mapping");
    return result;
}
void *mmap64(void *, size_t, int, int, int, off64_t) __attribute__((alias("mmap")));
