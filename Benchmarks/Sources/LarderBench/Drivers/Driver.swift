/// How a measurement wants its peer opened.
struct DriverOptions: Sendable {
    /// Why the peer is opened, which decides how a peer of two tiers is set up.
    enum Purpose: Sendable {
        /// Gets that hit memory: everything fits in the memory tier, or in the peer's caches.
        case memoryHits

        /// Gets that miss memory: each entry is asked for once after opening.
        case diskGets

        /// A memory tier alone, holding this many entries at most.
        case memoryAlone(capacity: Int)

        /// Memory filled with every entry, to see what it takes.
        case fillingMemory

        /// Everything that writes, scans and reopens.
        case durable
    }

    /// An existing directory of the measurement's own.
    var directory: String
    var purpose: Purpose
    /// Entries that the case will hold.
    var entries: Int
    /// Bytes in every value.
    var valueSize: Int
    /// True: a write that returns survives a power cut. False: nothing is flushed.
    var flushing: Bool
}

/// What a peer cannot do or lacks; the run prints it in place of a row.
struct NotOffered: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = reason
    }
}

/// What a scan saw: how many entries, and the sum of their values' first bytes, by which the harness checks it.
struct ScanSum: Equatable, Sendable {
    var entries: UInt64 = 0
    var firstBytes: UInt64 = 0
}

/// One peer under measurement. To add a peer is to write one conforming type and name it in `Peer`.
///
/// The measured loops are generic over the driver and are called with its concrete type, so that the compiler specializes them: there is no
/// dynamic call between loop and peer. What a peer does not offer throws `NotOffered`, which the defaults below do.
protocol Driver: Sendable {
    associatedtype Session: DriverSession

    /// Opens the peer, empty or as an earlier driver left the directory.
    init(_ options: DriverOptions) throws

    /// A thread's own way to the peer, made and used on that thread.
    func makeSession() throws -> Session

    /// Writes records in one transaction (or one after the other where there are none).
    ///
    /// - Parameter appending: The keys ascend and lie past all that the peer holds, which some peers can use.
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws

    /// Puts one entry without blocking the calling task; it returns once the entry is as durable as the options ask.
    func put(key: [UInt8], value: [UInt8]) async throws

    /// Walks all entries in key order, touching the first byte of each value.
    ///
    /// - Parameter verifying: Whether checksums are verified on the way. A peer that has none does the same in both.
    func scan(verifying: Bool) throws -> ScanSum

    /// Does after a load what the peer would do in its own time (write out, compact, checkpoint), so that it is measured at rest.
    func settle() throws

    /// Closes the peer; nothing is called afterwards.
    func close() throws
}

/// A thread's way to a peer.
protocol DriverSession {
    /// Gets a value in the form the peer is measured in and says what it saw of it; nil where the key is absent.
    func get(_ key: Span<UInt8>) throws -> Glimpse?

    /// Puts one entry in a transaction of its own, blocking; it returns once the entry is as durable as the options ask.
    func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws

    /// A copy of a whole value, for checks outside the clock.
    func value(for key: Span<UInt8>) throws -> [UInt8]?
}

extension Driver {
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        let session = try makeSession()
        let bytes = records.bytes.span
        for position in range {
            try session.put(
                bytes.extracting(records.keyRange(position)), bytes.extracting(records.valueRange(position)))
        }
    }

    func put(key: [UInt8], value: [UInt8]) async throws {
        throw NotOffered("has no asynchronous form")
    }

    func scan(verifying: Bool) throws -> ScanSum {
        throw NotOffered("keeps its entries in no order")
    }

    func settle() throws {}

    func close() throws {}
}
