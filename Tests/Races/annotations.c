// Tells ThreadSanitizer of the two places where the libraries of Swift (6.3, Linux) order memory and it cannot see that. To be preloaded
// into a program that was built with --sanitize=thread; see scripts/check-races, which also proves that nothing else is hidden.
//
// The libraries are not instrumented. What they inline into a program is: the uncontended paths of `Mutex`, and all of `Atomic`. What they
// keep to themselves is not:
//
// - a `Mutex` that is contended is taken and let go of inside the library, and by the kernel;
// - a continuation that was resumed before its task awaits it goes on at once, and then the runtime tells ThreadSanitizer of the
//   resumption, but not of the going on.
//
// Each wrapper calls the library's own function and says what that does: it releases or acquires the same address that the inlined code or
// the runtime uses. If a later library has other functions, these are not called, and the control of scripts/check-races fails.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Weak, since a program that was not instrumented may be started on the way.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

static void acquire(void *address) {
    if (__tsan_acquire) __tsan_acquire(address);
}

static void release(void *address) {
    if (__tsan_release) __tsan_release(address);
}

// The library's own functions

#define SELF __attribute__((swift_context))

typedef __attribute__((swiftcall)) void LockSlow(uint32_t thread, SELF void *mutex);
typedef __attribute__((swiftcall)) void UnlockSlow(SELF void *mutex);
typedef __attribute__((swiftcall)) bool TryLockSlow(SELF void *mutex);

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

struct Context;
typedef __attribute__((swiftasynccall)) void Resume(__attribute__((swift_async_context)) struct Context *context);
typedef __attribute__((swiftasynccall)) void Await(struct Context *context);
typedef __attribute__((swiftcall)) void *CurrentTask(void);
typedef __attribute__((swiftcall)) void Deallocate(void *memory);

// The head of every async context: the caller's, and where to go on.
struct Context {
    struct Context *parent;
    Resume *resume;
};

static struct {
    LockSlow *lockSlow;
    TryLockSlow *tryLockSlow;
    UnlockSlow *unlockSlow;
    CurrentTask *currentTask;
    Await *await;
    Deallocate *deallocate;
} library;

__attribute__((constructor)) static void findLibrary(void) {
    library.lockSlow = (LockSlow *)dlsym(RTLD_NEXT, LOCK_SLOW);
    library.tryLockSlow = (TryLockSlow *)dlsym(RTLD_NEXT, TRY_LOCK_SLOW);
    library.unlockSlow = (UnlockSlow *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
    library.currentTask = (CurrentTask *)dlsym(RTLD_NEXT, "swift_task_getCurrent");
    library.await = (Await *)dlsym(RTLD_NEXT, "swift_continuation_await");
    library.deallocate = (Deallocate *)dlsym(RTLD_NEXT, "swift_task_dealloc");
}

// Mutex

LockSlow lockSlow __asm__(LOCK_SLOW);
TryLockSlow tryLockSlow __asm__(TRY_LOCK_SLOW);
UnlockSlow unlockSlow __asm__(UNLOCK_SLOW);

__attribute__((swiftcall)) void lockSlow(uint32_t thread, SELF void *mutex) {
    library.lockSlow(thread, mutex);
    acquire(mutex);
}

__attribute__((swiftcall)) bool tryLockSlow(SELF void *mutex) {
    bool isLocked = library.tryLockSlow(mutex);
    if (isLocked) acquire(mutex);
    return isLocked;
}

__attribute__((swiftcall)) void unlockSlow(SELF void *mutex) {
    release(mutex);
    library.unlockSlow(mutex);
}

// Continuations

// What the runtime releases when a continuation is resumed is its task.
static void acquireTask(void) {
    void *task = library.currentTask();
    if (task) acquire(task);
}

// Where those go on that are being awaited. A context is awaited once at a time, and its slot is its own until it goes on.
#define SLOTS 16384
static struct {
    _Atomic(struct Context *) context;
    Resume *resume;
} awaited[SLOTS];

static size_t firstSlot(struct Context *context) {
    return ((uintptr_t)context * 0x9E3779B97F4A7C15u >> 40) % SLOTS;
}

static __attribute__((swiftasynccall)) void goOn(__attribute__((swift_async_context)) struct Context *context) {
    size_t slot = firstSlot(context);
    while (atomic_load(&awaited[slot].context) != context) slot = (slot + 1) % SLOTS;
    Resume *resume = awaited[slot].resume;
    atomic_store(&awaited[slot].context, NULL);
    acquireTask();
    return resume(context);
}

// Called where the awaiting was inlined.
__attribute__((swiftasynccall)) void swift_continuation_await(struct Context *context) {
    size_t slot = firstSlot(context);
    struct Context *none = NULL;
    for (size_t tries = 0; !atomic_compare_exchange_strong(&awaited[slot].context, &none, context); tries++) {
        if (tries == SLOTS) abort();
        none = NULL;
        slot = (slot + 1) % SLOTS;
    }
    awaited[slot].resume = context->resume;
    context->resume = goOn;
    return library.await(context);
}

// Where it was not inlined, the library awaits within an async function of its own. Whoever called that gives back its context first of all
// when it returns, by this.
__attribute__((swiftcall)) void swift_task_dealloc(void *memory) {
    acquireTask();
    library.deallocate(memory);
}
