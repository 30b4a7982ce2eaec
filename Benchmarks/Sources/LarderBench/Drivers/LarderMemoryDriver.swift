@_spi(Benchmarks) import Larder

/// Larder's memory tier alone, values copied into a buffer of the caller's. It locks, counts and evicts as under a store; there is no disk to be coherent with.
struct LarderMemoryDriver: Driver {
    private let memory: StandaloneMemory

    init(_ options: DriverOptions) throws { memory = try options.openLarderMemory() }

    func makeSession() -> Session { Session(memory: memory) }

    @safe
    final class Session: DriverSession {
        private let memory: StandaloneMemory
        private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 4096)

        init(memory: StandaloneMemory) {
            self.memory = memory
        }

        deinit {
            unsafe buffer.deallocate()
        }

        func get(_ key: Span<UInt8>) -> Glimpse? {
            var span = unsafe MutableSpan(_unsafeElements: buffer)
            guard let count = memory.copyValue(for: key, into: &span) else { return nil }
            return span.span.extracting(..<count).glimpse
        }
        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) { memory.insert(value, for: key) }
        func value(for key: Span<UInt8>) -> [UInt8]? { memory.value(for: key) }
    }
}

/// The same with values lent as spans to a closure.
struct LarderMemoryBorrowDriver: Driver {
    private let memory: StandaloneMemory

    init(_ options: DriverOptions) throws { memory = try options.openLarderMemory() }

    func makeSession() -> Session { Session(memory: memory) }

    struct Session: DriverSession {
        fileprivate let memory: StandaloneMemory

        func get(_ key: Span<UInt8>) -> Glimpse? { memory.withBytes(for: key) { $0.glimpse } }
        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) { memory.insert(value, for: key) }
        func value(for key: Span<UInt8>) -> [UInt8]? { memory.value(for: key) }
    }
}

extension DriverOptions {
    /// A memory tier with room for so many entries and not one more.
    fileprivate func openLarderMemory() throws -> StandaloneMemory {
        guard case .memoryAlone(let count) = purpose else { throw NotOffered("is measured with its store") }
        // The tier's capacity is in bytes. What an entry takes with its share of the bookkeeping is seen from a tier that is full.
        var capacity = count * (Entry.keySize + valueSize + 64)
        for _ in 0..<4 {
            let trial = filled(StandaloneMemory(capacity: .bytes(capacity)), with: count * 5 / 4)
            let held = trial.statistics.entries
            guard held > count || held < count - count / 200 else { break }
            capacity = Int(Double(capacity) * Double(count) / Double(held)) - capacity / 1_000
        }
        return StandaloneMemory(capacity: .bytes(capacity))
    }

    private func filled(_ memory: StandaloneMemory, with count: Int) -> StandaloneMemory {
        for index in 0..<UInt32(count) {
            memory.insert(Entry.value(index, version: 0, size: valueSize).span, for: Entry.key(index).span)
        }
        return memory
    }
}
