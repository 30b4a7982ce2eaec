#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A lock together with a condition to wait on (Hoare's monitor), guarding a value.
///
/// `Mutex` of the standard library has no condition variable; this is a POSIX mutex with one. Locking without contention costs
/// about 20 ns. It may be used from any thread; a thread that locks it twice deadlocks, as with every plain mutex.
@safe
package final class Monitor<State>: @unchecked Sendable {
    // Unchecked: `state` is touched only while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    // Not a property: every access to one would be checked for exclusivity once more, which the mutex sees to.
    private let state: UnsafeMutablePointer<State>

    #if LARDER_BREAK_MONITOR
        /// Whether ``withLock(_:)`` locks. Left out only by `scripts/check-races`, to see that ThreadSanitizer notices.
        private static var locks: Bool { false }
    #else
        /// Whether ``withLock(_:)`` locks. Left out only by `scripts/check-races`, to see that ThreadSanitizer notices.
        @inline(__always) private static var locks: Bool { true }
    #endif

    package init(_ initial: sending State) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: initial)
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        #if os(Linux)
            var attributes = pthread_condattr_t()
            unsafe pthread_condattr_init(&attributes)
            unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            unsafe pthread_cond_init(condition, &attributes)
            unsafe pthread_condattr_destroy(&attributes)
        #else
            unsafe pthread_cond_init(condition, nil)
        #endif
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Runs `body` with the lock held.
    @inline(__always)
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if Self.locks { unsafe pthread_mutex_lock(mutex) }
        defer { if Self.locks { unsafe pthread_mutex_unlock(mutex) } }
        return try unsafe body(&state.pointee)
    }

    /// Waits until `ready` holds, then runs `body`, both with the lock held.
    ///
    /// Whoever may have made it true calls ``wakeAll()`` after its own ``withLock(_:)``.
    package func withLock<Result: ~Copyable, Failure: Error>(
        when ready: (inout State) throws(Failure) -> Bool, _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while try unsafe !ready(&state.pointee) {
            unsafe pthread_cond_wait(condition, mutex)
        }
        return try unsafe body(&state.pointee)
    }

    /// Waits until `ready` holds or `nanoseconds` have passed, then runs `body`, all with the lock held.
    package func withLock<Result: ~Copyable>(
        when ready: (inout State) -> Bool, orAfter nanoseconds: UInt64, _ body: (inout State) -> Result
    ) -> Result {
        var deadline = Self.now(plus: nanoseconds)
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while unsafe !ready(&state.pointee) {
            if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
        }
        return unsafe body(&state.pointee)
    }

    /// Wakes every thread that waits in `withLock(when:)`, to look again.
    package func wakeAll() {
        unsafe pthread_cond_broadcast(condition)
    }

    private static func now(plus nanoseconds: UInt64) -> timespec {
        var time = timespec()
        #if os(Linux)
            unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        #else
            unsafe clock_gettime(CLOCK_REALTIME, &time)
        #endif
        let total = UInt64(time.tv_nsec) + nanoseconds
        time.tv_sec += Int(total / 1_000_000_000)
        time.tv_nsec = Int(total % 1_000_000_000)
        return time
    }
}
