internal import Synchronization

/// What the memory tier needs done now and then: turns its timer wheels, so that entries whose time has come free their memory without
/// being read, and has the hot set kept.
///
/// There is no timer, per entry or at all. Whoever has just brought something into memory, by a commit or by a read from the disk, does
/// what is due if nothing was done for a second; and so does the thread that commits when it wakes to remove expired records from the disk.
/// Memory grows by nothing else, so what has expired does not keep out what is new for long, and a store that nobody uses does nothing. A turn is
/// short: what it leaves is done by the next.
final class MemoryUpkeep: Sendable {
    /// How often something is done at most, in milliseconds: as finely as the wheels are divided.
    static let interval: Milliseconds = 1_000
    /// Steps of a turn: entries removed, and buckets passed. A fraction of a millisecond.
    static let stepsPerTurn = 4_096

    private let memory: MemoryTier
    private let clock: WallClock
    /// When the wheels were last turned as far as was due.
    private let lastTurn = Atomic<Milliseconds>(0)
    private let observer = Mutex<(@Sendable (Milliseconds) -> Void)?>(nil)

    init(memory: MemoryTier, clock: WallClock) {
        self.memory = memory
        self.clock = clock
    }

    /// Calls `observer` with the time after each turn from now on, with no lock held, or nobody. It must be quick.
    func observeTurns(_ observer: (@Sendable (Milliseconds) -> Void)?) {
        self.observer.withLock { $0 = observer }
    }

    /// Does what is due. Costs a look at the clock if nothing is.
    @inline(__always)
    func runIfDue() {
        let now = clock.now()
        let last = lastTurn.load(ordering: .relaxed)
        // A clock that was set back counts too: the difference wraps.
        if now &- last >= Self.interval { run(now, last) }
    }

    @inline(never)
    private func run(_ now: Milliseconds, _ last: Milliseconds) {
        // One thread works; the others go on.
        guard lastTurn.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged else { return }
        if !memory.removeExpired(now: now, budget: Self.stepsPerTurn) {
            _ = lastTurn.compareExchange(expected: now, desired: last, ordering: .relaxed)
        }
        observer.withLock { $0 }?(now)
    }
}
