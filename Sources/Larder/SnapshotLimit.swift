#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How long a snapshot may be used.
///
/// A snapshot keeps LMDB from reusing pages, so one that is forgotten lets the file grow without end. Past its limit every further access
/// throws; nothing is taken from under a value that is being read.
struct SnapshotLimit: Sendable {
    /// Nanoseconds of the monotonic clock; `nil` for no limit.
    private let deadline: UInt64?

    init(_ age: Duration?) {
        deadline = age.map { age in
            let (seconds, attoseconds) = age.components
            let nanoseconds = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
            let sum = nanoseconds.partialValue &+ UInt64(clamping: attoseconds / 1_000_000_000)
            return nanoseconds.overflow ? .max : Self.now.addingReportingOverflow(sum).overflow ? .max : Self.now + sum
        }
    }

    /// Throws ``LarderError/Code-swift.struct/snapshotExpired`` past the limit. Costs about 5 ns on Linux.
    @inline(__always)
    func check() throws {
        if let deadline, Self.now > deadline {
            throw LarderError(.snapshotExpired, "the snapshot is older than the store's options allow")
        }
    }

    private static var now: UInt64 {
        var time = timespec()
        #if os(Linux)
            unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        #else
            unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
