public import Synchronization

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
    /// The forks of this process.
    static let counter = ForkCounter()

    private static let handler: Int32 = pthread_atfork(nil, nil, { ForkDetection.counter.increment() })

    /// How many forks lie between the first process and this one, counted since ``install()``.
    static var generation: Int { counter.generation }

    /// Installs the handler, once a process; to be called before the first count that is kept.
    static func install() {
        precondition(handler == 0, "pthread_atfork failed")
    }
}

/// Counts forks where every module reads them in one load: a global would be reached through a call.
@safe
@usableFromInline
struct ForkCounter: @unchecked Sendable {
    // Unchecked: the pointer never changes, what it points to is atomic, and it lives as long as the process.
    @usableFromInline let count: UnsafePointer<Atomic<Int>>

    init() {
        let count = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 1)
        unsafe count.initialize(to: Atomic(0))
        unsafe self.count = UnsafePointer(count)
    }

    /// How many forks lie between the first process and this one.
    @inlinable
    var generation: Int {
        unsafe count.pointee.load(ordering: .relaxed)
    }

    func increment() {
        unsafe count.pointee.add(1, ordering: .relaxed)
    }
}
