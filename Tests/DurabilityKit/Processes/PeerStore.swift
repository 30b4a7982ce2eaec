public import Larder

/// A store as the peers of a ping-pong see it: each in its own process, one of them the test.
public struct PeerStore: Sendable {
    /// The store.
    public let store: Store
    private let numbers: Cache<Int, Int>
    private let names: Cache<String, String>
    /// Keys of each cache.
    public static let keyCount = 8

    /// Opens the store, and makes it where it is missing.
    public init(at path: String) throws {
        store = try Store(at: path)
        numbers = try store.cache("numbers", key: .int, value: .int)
        names = try store.cache("names", key: .string, value: .string)
    }

    /// Sets a number, and its name in another cache, in one transaction; 0 removes both.
    public func write(_ number: Int, for key: Int) throws {
        try store.writeBlocking { transaction in
            if number == 0 {
                try transaction.remove(key, in: numbers)
                try transaction.remove("\(key)", in: names)
            } else {
                try transaction.set(number, for: key, in: numbers)
                try transaction.set("number \(number)", for: "\(key)", in: names)
            }
        }
    }

    /// Every number, 0 for none, as a snapshot has them.
    public func snapshot() throws -> [Int] {
        try store.read { snapshot in
            try (0..<Self.keyCount).map { key in try snapshot.value(for: key, in: numbers) ?? 0 }
        }
    }

    /// Every number, 0 for none, as memory or disk has them; throws if a name is not that of its number. Nobody may be writing.
    public func read() throws -> [Int] {
        try (0..<Self.keyCount).map { key in
            // The commit of a writer that was killed may show between the two reads, once.
            guard let number = try readPair(key) ?? readPair(key) else { throw TornPair() }
            return number
        }
    }

    private func readPair(_ key: Int) throws -> Int? {
        let number = try numbers.value(for: key) ?? 0
        return try names.value(for: "\(key)") == (number == 0 ? nil : "number \(number)") ? number : nil
    }

    /// A number and its name that are not of one transaction.
    public struct TornPair: Error {}

    /// Opens a snapshot, calls `body` and never ends it: for a process that is killed.
    public func hold(_ body: () -> Void) throws {
        try store.read { _ in
            body()
            while true { MonotonicTime.sleep(nanoseconds: 1_000_000_000) }
        }
    }

    /// Obeys the commands of the parent, a line each, and answers each with a line: `write KEY NUMBER`, `read`,
    /// `drop CACHE`.
    public func obey(_ line: String) throws -> String {
        let words = line.split(separator: " ")
        switch words.first {
        case "write":
            guard words.count == 3, let key = Int(words[1]), let number = Int(words[2]) else { return "usage" }
            try write(number, for: key)
            return "written"
        case "read": return try read().map(String.init).joined(separator: " ")
        case "drop": return try words.count == 2 && store.dropCache(String(words[1])) ? "dropped" : "usage"
        default: return "usage"
        }
    }
}
