import Larder
import Synchronization

/// A clock that stands still until it is moved.
final class ManualClock: Sendable {
    private let milliseconds: Atomic<UInt64>

    /// A clock that shows this moment, in milliseconds since 1970.
    init(_ now: UInt64 = 1_700_000_000_000) {
        milliseconds = Atomic(now)
    }

    /// What it shows.
    var now: UInt64 {
        milliseconds.load(ordering: .acquiring)
    }

    /// Moves it on.
    func advance(milliseconds count: UInt64) {
        milliseconds.add(count, ordering: .acquiringAndReleasing)
    }

    /// Sets it, also back.
    func set(_ moment: UInt64) {
        milliseconds.store(moment, ordering: .releasing)
    }

    /// The clock as a store takes it.
    var wallClock: WallClock {
        WallClock { [self] in now }
    }
}
