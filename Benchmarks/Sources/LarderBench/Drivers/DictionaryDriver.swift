import Synchronization

/// A Swift `Dictionary` behind one `Mutex`, in the form that suits it best: keys are 16-byte structs held in the table itself, values are
/// arrays, and a get hands out the array (retained, not copied).
final class DictionaryDriver: Driver {
    /// A key that needs no allocation.
    struct InlineKey: Hashable {
        let first: UInt64
        let second: UInt64

        init(_ key: Span<UInt8>) {
            first = key.word(at: 0)
            second = key.word(at: 8)
        }
    }

    private let entries = Mutex<[InlineKey: [UInt8]]>([:])

    init(_ options: DriverOptions) throws {
        try options.refuseEviction(by: "a Dictionary")
    }

    func makeSession() -> Session { Session(driver: self) }

    struct Session: DriverSession {
        let driver: DictionaryDriver

        func get(_ key: Span<UInt8>) -> Glimpse? {
            let key = InlineKey(key)
            return driver.entries.withLock { $0[key] }?.glimpse
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) {
            let key = InlineKey(key)
            let value = [UInt8](copying: value)
            driver.entries.withLock { $0[key] = value }
        }

        func value(for key: Span<UInt8>) -> [UInt8]? {
            let key = InlineKey(key)
            return driver.entries.withLock { $0[key] }
        }
    }
}

/// The same with arrays as keys: what one writes first, and what a byte-keyed cache would otherwise be.
final class ArrayKeyedDictionaryDriver: Driver {
    private let entries = Mutex<[[UInt8]: [UInt8]]>([:])

    init(_ options: DriverOptions) throws {
        try options.refuseEviction(by: "a Dictionary")
    }

    func makeSession() -> Session { Session(driver: self) }

    struct Session: DriverSession {
        let driver: ArrayKeyedDictionaryDriver

        func get(_ key: Span<UInt8>) -> Glimpse? {
            let key = [UInt8](copying: key)
            return driver.entries.withLock { $0[key] }?.glimpse
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) {
            let key = [UInt8](copying: key)
            let value = [UInt8](copying: value)
            driver.entries.withLock { $0[key] = value }
        }

        func value(for key: Span<UInt8>) -> [UInt8]? {
            let key = [UInt8](copying: key)
            return driver.entries.withLock { $0[key] }
        }
    }
}

extension DriverOptions {
    /// For peers that hold everything in memory and never evict.
    func refuseEviction(by peer: String) throws {
        try refuseDisk()
        if case .memoryAlone = purpose { throw NotOffered("\(peer) evicts nothing") }
    }

    /// For peers that live on disk and leave memory to a page cache.
    func refuseMemoryAlone() throws {
        switch purpose {
        case .memoryHits, .diskGets, .durable: return
        case .memoryAlone, .fillingMemory: throw NotOffered("has no memory tier of its own")
        }
    }

    /// For peers that live in memory alone.
    func refuseDisk() throws {
        switch purpose {
        case .memoryHits, .memoryAlone, .fillingMemory: return
        case .diskGets, .durable: throw NotOffered("keeps nothing on disk")
        }
    }
}

extension [UInt8] {
    /// What a get that hands out this array saw.
    var glimpse: Glimpse { span.glimpse }

    /// The bytes of a span, in one allocation.
    init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
