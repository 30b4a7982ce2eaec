internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Notices that the process was forked.
///
/// LMDB does not refuse a transaction in a forked child, and one begun there corrupts the parent's locks. `getpid()` at every begin
/// is a system call; a handler that `fork` itself runs in the child costs nothing until then.
enum ForkDetection {
    private static let forks = Atomic<Int>(0)

    private static let handler: Int32 = pthread_atfork(nil, nil, { ForkDetection.forks.add(1, ordering: .relaxed) })

    /// How many forks lie between the first process and this one, counted since the first call. Costs one load.
    @inline(__always)
    static var generation: Int {
        forks.load(ordering: .relaxed)
    }

    /// Installs the handler, once a process; to be called before the first ``generation`` that is kept.
    static func install() {
        precondition(handler == 0, "pthread_atfork failed")
    }
}
