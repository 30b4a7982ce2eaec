internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Who is who among the processes that have an environment open.
///
/// A process id is given again after a death, means nothing in another container, and does not say when its process began. So a process
/// draws a number of its own and holds the byte at that offset of the lock file, far beyond its end, for as long as it has the
/// environment open. The system lets go of it when the process dies, whatever way; whoever finds the byte free knows that its owner is
/// gone, and since the number is drawn from 2^61, nobody takes it again.
extension ProcessLock {
    /// Where in the file the removals of what was not there are counted.
    private static let removalsOffset: off_t = 16

    private static var identities: ClosedRange<UInt64> { 1 << 32...1 << 61 }

    /// The number of this process, drawn when it is first asked for.
    func identity() throws(LMDBError) -> UInt64 {
        try ownIdentity.withLock { own throws(LMDBError) in
            if let own { return own }
            while true {
                let drawn = UInt64.random(in: Self.identities)
                guard try apply(Int16(F_WRLCK), off_t(drawn), waits: false) else { continue }
                own = drawn
                return drawn
            }
        }
    }

    /// Whether the process of this number still has the environment open. Costs a system call unless the process is this one.
    func isAlive(_ identity: UInt64) -> Bool {
        // A process is never refused a byte that it holds itself.
        if ownIdentity.withLock({ $0 }) == identity { return true }
        guard Self.identities.contains(identity) else { return false }
        var request = Self.request(Int16(F_WRLCK), off_t(identity))
        // Where the system does not say, the owner is spared.
        guard unsafe fcntl(descriptor.load(ordering: .relaxed), F_GETLK, &request) == 0 else { return true }
        return request.l_type != Int16(F_UNLCK)
    }

    /// How many removals by other processes found nothing to remove and so made no commit.
    var foreignRemovalsOfNothing: UInt64 {
        ownRemovals.withLock { own in allRemovalsOfNothing &- own }
    }

    private var allRemovalsOfNothing: UInt64 {
        var count: UInt64 = 0
        let read = unsafe pread(descriptor.load(ordering: .relaxed), &count, 8, Self.removalsOffset)
        return read == 8 ? count : 0
    }

    /// Counts such a removal by this process. The writer's lock is held.
    func countRemovalOfNothing() throws(LMDBError) {
        try ownRemovals.withLock { own throws(LMDBError) in
            let count = allRemovalsOfNothing &+ 1
            try FileSystem.write(
                unsafe withUnsafeBytes(of: count) { unsafe Array($0) }, to: descriptor.load(ordering: .relaxed),
                at: Int(Self.removalsOffset), path: path)
            own &+= 1
        }
    }
}

extension Environment {
    /// A number that stands for this process among those that have the environment open, and for no other before or after it. Costs a
    /// system call the first time.
    package func processIdentity() throws(LMDBError) -> UInt64 {
        try checkFork()
        return try processLock.identity()
    }

    /// Whether the process of this number still has the environment open.
    package func isProcessAlive(_ identity: UInt64) -> Bool {
        processLock.isAlive(identity)
    }

    /// How many removals by other processes found nothing to remove and so made no commit that ``lastTransactionID`` would show, counted from
    /// no particular number. Costs a system call.
    package var foreignRemovalsOfNothing: UInt64 {
        processLock.foreignRemovalsOfNothing
    }

    /// Counts such a removal by this process. The caller holds the writer's lock.
    package func countRemovalOfNothing() throws(LMDBError) {
        try processLock.countRemovalOfNothing()
    }
}
