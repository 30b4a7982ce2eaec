#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Which thread something belongs to. Comparable only among threads that are alive.
package struct ThreadIdentity: Hashable, Sendable {
    private let value: UInt

    /// The calling thread. Costs about a nanosecond.
    @inline(__always)
    package static var current: ThreadIdentity {
        #if os(Linux) && !canImport(Musl)
            ThreadIdentity(value: UInt(pthread_self()))
        #else
            unsafe ThreadIdentity(value: UInt(bitPattern: pthread_self()))
        #endif
    }
}
