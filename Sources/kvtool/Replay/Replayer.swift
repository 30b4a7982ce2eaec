import Larder
import Synchronization

/// Runs the requests of a trace against a cache, many at a time, and checks every answer.
final class Replayer: Sendable {
    /// How a trace is replayed.
    struct Options: Sendable {
        /// Requests in flight.
        var tasks: Int
        /// The share of the requests that are writes, from 0 to 1.
        var writes: Double
        /// The largest value in bytes; larger ones are cut.
        var maximumValueSize: Int
        /// The size in bytes of values of which the trace says none.
        var valueSize: Int
    }

    private let cache: Cache<String, [UInt8]>
    private let feed: RequestFeed
    private let options: Options
    private let journal: Journal?
    private let versions: KeyVersions
    private let progress = ProgressLine()

    private let reads = Atomic<Int>(0)
    private let writes = Atomic<Int>(0)
    private let wrong = Atomic<Int>(0)

    /// - Parameters:
    ///   - journal: Where acknowledged writes are noted.
    ///   - acknowledged: What the journal says already: those writes must be there.
    init(
        cache: Cache<String, [UInt8]>, feed: RequestFeed, options: Options, journal: Journal?,
        acknowledged: [Journal.Entry]
    ) {
        self.cache = cache
        self.feed = feed
        self.options = options
        self.journal = journal
        versions = KeyVersions(acknowledged: acknowledged)
    }

    /// Replays the trace to its end.
    ///
    /// - Throws: `TraceError`, `LarderError`, `Failure`: the first of what a request throws.
    func run() async throws -> ReplayReport {
        defer { progress.clear() }
        let before = try cache.store.statistics()
        let start = ContinuousClock.now
        feed.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<options.tasks {
                group.addTask { try await self.work(since: start) }
            }
            do {
                try await group.waitForAll()
            } catch {
                feed.stop()
                throw error
            }
        }
        // Loaded values may still be on their way; this write waits behind them.
        try await cache.store.write { _ in }
        let duration = ContinuousClock.now - start
        return ReplayReport(
            reads: reads.load(ordering: .relaxed), writes: writes.load(ordering: .relaxed),
            wrong: wrong.load(ordering: .relaxed), duration: duration, before: before,
            after: try cache.store.statistics())
    }

    private func work(since start: ContinuousClock.Instant) async throws {
        while let request = try await feed.next() {
            try Task.checkCancellation()
            let key = request.request.key
            let size = min(request.request.size ?? options.valueSize, options.maximumValueSize)
            if isWrite(request.number), versions.beginWrite(of: key) {
                defer { versions.endWrite(of: key) }
                try await write(key, size: size)
            } else {
                try await read(key, size: size)
            }
            showProgress(request.number, since: start)
        }
    }

    /// Whether the request of this number is a write: the same for each replay, and spread evenly.
    private func isWrite(_ number: Int) -> Bool {
        // The upper 53 bits are what a Double can hold.
        Double(SplitMix64.mix(UInt64(number)) >> 11) < options.writes * 0x1p53
    }

    private func read(_ key: UInt64, size: Int) async throws {
        let known = versions.known(key)
        let value = try await cache.value(for: "\(key)") { _ in ReplayValue.make(key: key, version: 0, size: size) }
        reads.add(1, ordering: .relaxed)
        if let value, let version = ReplayValue.claimedVersion(of: value.span, key: key), version >= known {
            versions.note(version, of: key)
        } else {
            wrong.add(1, ordering: .relaxed)
        }
    }

    private func write(_ key: UInt64, size: Int) async throws {
        let version = try versions.nextVersion(of: key) {
            // In a snapshot, which does not count as a lookup in the report.
            try cache.store.read { try $0.value(for: "\(key)", in: cache) }
                .flatMap { ReplayValue.claimedVersion(of: $0.span, key: key) }
        }
        try await cache.set(ReplayValue.make(key: key, version: version, size: size), for: "\(key)")
        try journal?.append(Journal.Entry(key: key, version: version))
        versions.note(version, of: key)
        writes.add(1, ordering: .relaxed)
    }

    private func showProgress(_ number: Int, since start: ContinuousClock.Instant) {
        guard number % 16 == 0 else { return }
        progress.update { [self] in
            let done = reads.load(ordering: .relaxed) + writes.load(ordering: .relaxed)
            var text = Quantity.count(done)
            if let total = feed.header.requests, total > 0 {
                text = "\(Quantity.percentage(min(done, total), of: total)), \(text) of \(Quantity.count(total))"
            }
            let rate = Double(done) / max((ContinuousClock.now - start) / .seconds(1), 0.001)
            return text + " requests, \(Quantity.count(Int(rate))) a second, "
                + "\(Quantity.count(writes.load(ordering: .relaxed))) writes acknowledged"
        }
    }
}
