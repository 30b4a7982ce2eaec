internal import CProcessor
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Small numbers for threads, so that each of the first ``most`` has a place of its own to count in. A number is given out again when its thread has ended.
enum ThreadNumber {
    /// The highest number.
    static let most = 63
    private static let none: Int64 = -1

    /// The calling thread's number, 1...``most``, or less than 1 if it has none: then call ``assign()``.
    @inline(__always)
    static var current: Int { Int(truncatingIfNeeded: larder_get_thread_number()) }

    /// Bit n: whether n belongs to a thread. (Bit 0 always is set.)
    private static let taken = Mutex<UInt64>(1)

    /// Gives the number back as the thread ends.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        // What counts later in the thread's end is given a number again, and this is called once more.
        let code = unsafe pthread_key_create(&key) { _ in release() }
        return code == 0 ? key : nil
    }()

    /// Gives the calling thread a number if it has never asked before and one is free. Returns its number, or 0 if it has none.
    @inline(never)
    static func assign() -> Int {
        guard larder_get_thread_number() == 0, let key else { return 0 }
        let number = taken.withLock { taken in
            let free = (~taken).trailingZeroBitCount
            guard free <= most else { return 0 }
            taken |= 1 << UInt64(free)
            return free
        }
        larder_set_thread_number(number == 0 ? none : Int64(number))
        if number != 0 { unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: number)) }
        return number
    }

    private static func release() {
        let number = larder_get_thread_number()
        larder_set_thread_number(0)
        taken.withLock { $0 &= ~(1 << UInt64(number)) }
    }
}
