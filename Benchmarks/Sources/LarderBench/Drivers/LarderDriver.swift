import CBenchSystem
import Foundation
import Larder
import LarderFoundation

/// Larder with byte values, copied into a buffer of the caller's.
struct LarderDriver: Driver {
    private let bench: LarderBytes

    init(_ options: DriverOptions) throws { bench = try LarderBytes(options) }

    func makeSession() -> Session { Session(bench.cache) }
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws { try bench.write(records, range) }
    func put(key: [UInt8], value: [UInt8]) async throws { try await bench.cache.set(value, for: key) }
    func scan(verifying: Bool) throws -> ScanSum { try bench.scan(verifying: verifying) }
    func close() throws { try bench.store.close() }

    @safe
    final class Session: DriverSession {
        private let cache: Cache<[UInt8], [UInt8]>
        private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 4096)

        init(_ cache: Cache<[UInt8], [UInt8]>) {
            self.cache = cache
        }

        deinit {
            unsafe buffer.deallocate()
        }

        func get(_ key: Span<UInt8>) throws -> Glimpse? {
            var span = unsafe MutableSpan(_unsafeElements: buffer)
            guard let count = try cache.copyBytes(for: key, into: &span) else { return nil }
            return span.span.extracting(..<count).glimpse
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
            try cache.setBlocking(value, for: key)
        }

        func value(for key: Span<UInt8>) throws -> [UInt8]? {
            try cache.value(for: key)
        }
    }
}

/// Larder with byte values, lent as a span to a closure: nothing is copied or retained by the caller.
struct LarderBorrowDriver: Driver {
    private let bench: LarderBytes

    init(_ options: DriverOptions) throws { bench = try LarderBytes(options) }

    func makeSession() -> Session { Session(cache: bench.cache) }
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws { try bench.write(records, range) }
    func close() throws { try bench.store.close() }

    struct Session: DriverSession {
        fileprivate let cache: Cache<[UInt8], [UInt8]>

        func get(_ key: Span<UInt8>) throws -> Glimpse? {
            try cache.withBytes(for: key) { $0.glimpse }
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
            try cache.setBlocking(value, for: key)
        }

        func value(for key: Span<UInt8>) throws -> [UInt8]? {
            try cache.withBytes(for: key) { [UInt8](copying: $0) }
        }
    }
}

/// Larder written to by one task that awaits each transaction, where `larder` blocks its thread.
struct LarderAsyncDriver: Driver {
    private let bench: LarderBytes

    init(_ options: DriverOptions) throws { bench = try LarderBytes(options) }

    func makeSession() -> LarderDriver.Session { LarderDriver.Session(bench.cache) }

    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        _ = try runTasks(1) { _ in
            try await bench.store.write { transaction in
                try bench.set(records, range, in: transaction)
            }
        }
    }

    func put(key: [UInt8], value: [UInt8]) async throws { try await bench.cache.set(value, for: key) }
    func close() throws { try bench.store.close() }
}

/// Larder with a Codable value, which the memory tier keeps decoded and the durable tier holds as JSON.
struct LarderObjectDriver: Driver {
    /// A value as a program would declare it. In JSON it is about half as large again as its bytes.
    struct Profile: Codable, Sendable {
        var head: UInt64
        var rest: Data

        init(_ value: Span<UInt8>) {
            head = value.glimpse.head
            rest = Data([UInt8](copying: value).dropFirst(8))
        }

        var bytes: [UInt8] {
            unsafe withUnsafeBytes(of: head.littleEndian) { unsafe Array($0) } + rest
        }
    }

    private let store: Store
    private let cache: Cache<[UInt8], Profile>

    init(_ options: DriverOptions) throws {
        store = try options.openLarder()
        cache = try store.cache("bench", key: .bytes, value: .json(Profile.self))
    }

    func makeSession() -> Session { Session(cache: cache) }

    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        try store.writeBlocking { transaction in
            for position in range {
                let key = Array(records.bytes[records.keyRange(position)])
                let value = Profile(records.bytes.span.extracting(records.valueRange(position)))
                try transaction.set(value, for: key, in: cache)
            }
        }
    }

    func close() throws { try store.close() }

    struct Session: DriverSession {
        fileprivate let cache: Cache<[UInt8], Profile>

        func get(_ key: Span<UInt8>) throws -> Glimpse? {
            try cache.value(for: key).map { Glimpse(size: 8 + $0.rest.count, head: $0.head) }
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
            try cache.setBlocking(Profile(value), for: [UInt8](copying: key))
        }

        func value(for key: Span<UInt8>) throws -> [UInt8]? {
            try cache.value(for: key)?.bytes
        }
    }
}

/// A store with one cache of bytes, which three of the drivers share.
struct LarderBytes: Sendable {
    let store: Store
    let cache: Cache<[UInt8], [UInt8]>

    init(_ options: DriverOptions) throws {
        store = try options.openLarder()
        cache = try store.cache("bench", key: .bytes, value: .bytes)
    }

    func write(_ records: Records, _ range: Range<Int>) throws {
        try store.writeBlocking { transaction in try set(records, range, in: transaction) }
    }

    func set(_ records: Records, _ range: Range<Int>, in transaction: borrowing Transaction) throws {
        for position in range {
            try transaction.set(
                records.bytes.span.extracting(records.valueRange(position)),
                for: records.bytes.span.extracting(records.keyRange(position)), in: cache)
        }
    }

    func scan(verifying: Bool) throws -> ScanSum {
        var sum = ScanSum()
        try store.read { snapshot in
            try snapshot.forEachBytes(in: cache, checksums: verifying ? .verified : .unverified) { _, value in
                sum.entries += 1
                sum.firstBytes += UInt64(value[0])
            }
        }
        return sum
    }
}

extension DriverOptions {
    /// Opens Larder as the measurement wants it.
    fileprivate func openLarder() throws -> Store {
        let entrySize = Entry.keySize + valueSize
        var options = StoreOptions()
        // Room in memory for every entry with ample bookkeeping, and for its JSON form.
        options.memoryCapacity = .bytes(max(64 << 20, 3 * entries * (entrySize + 256)))
        switch purpose {
        case .memoryHits, .diskGets, .fillingMemory, .durable: break
        case .memoryAlone: throw NotOffered("is measured with its memory tier alone")
        }
        options.durability = flushing ? .full : .rebuildable(afterPowerCut: .startEmpty)
        // Valgrind maps no more than 32 GiB at once.
        if bench_under_valgrind() { options.mapSize = .gibibytes(16) }
        return try Store(at: directory + "/store", options: options)
    }
}
