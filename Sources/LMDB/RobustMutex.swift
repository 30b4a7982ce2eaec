#if os(Linux)
    #if canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #endif

    /// A mutex that processes share through a mapped file and that survives the death of its owner (a robust POSIX mutex, as LMDB's own).
    ///
    /// Without contention it costs some 20 ns, where a record lock costs two system calls. It belongs to the thread that took it.
    @safe
    final class RobustMutex: @unchecked Sendable {
        // Unchecked: the pointer never changes, and a mutex is there to be shared.
        private let page: LockPage
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>

        /// The mutex in a page.
        ///
        /// - Parameter initializing: Whether to make it anew, which only the first process that uses the file may do.
        init(in page: LockPage, initializing: Bool) {
            self.page = page
            unsafe mutex = page.mutexAddress.assumingMemoryBound(to: pthread_mutex_t.self)
            if initializing {
                var attributes = pthread_mutexattr_t()
                unsafe pthread_mutexattr_init(&attributes)
                unsafe pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
                unsafe pthread_mutexattr_setrobust(&attributes, Int32(PTHREAD_MUTEX_ROBUST))
                unsafe pthread_mutex_init(mutex, &attributes)
                unsafe pthread_mutexattr_destroy(&attributes)
            }
        }

        /// Waits until nobody holds the mutex, then holds it. What a dead owner left half done is for the caller to look after.
        func lock() throws(LMDBError) {
            var code = unsafe pthread_mutex_trylock(mutex)
            while code == EBUSY || code == ETIMEDOUT {
                // The one wake-up for an owner's death, or for an unlock, is lost if whoever is woken is killed as well (seen on Linux
                // 6.18, where many processes were killed). So a waiter looks again.
                var deadline = timespec()
                unsafe clock_gettime(CLOCK_REALTIME, &deadline)
                deadline.tv_sec += 1
                code = unsafe pthread_mutex_timedlock(mutex, &deadline)
            }
            if code == EOWNERDEAD { unsafe pthread_mutex_consistent(mutex) }
            guard code == 0 || code == EOWNERDEAD else {
                throw LMDBError(.init(rawValue: code), operation: "pthread_mutex_lock")
            }
        }

        /// Lets go of the mutex, on the thread that took it.
        func unlock() {
            unsafe pthread_mutex_unlock(mutex)
        }
    }
#endif
