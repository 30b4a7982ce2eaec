public import Larder

/// The caches of the crash workload, in three codings.
public struct CrashStore: Sendable {
    /// The store.
    public let store: Store
    let left: Cache<Int, [UInt8]>
    let right: Cache<String, [UInt8]>
    let accounts: Cache<Int, Int64>
    let ledgers: Cache<Int, [UInt8]>
    let expiring: Cache<Int, [UInt8]>
    let loaded: Cache<Int, String>

    /// Opens the store, and makes it where it is missing.
    public init(at path: String) throws {
        store = try Store(
            at: path, options: StoreOptions(memoryCapacity: .kibibytes(256), mapSize: .kibibytes(1_024)))
        left = try store.cache("left", key: .int, value: .bytes)
        right = try store.cache("right", key: .string, value: .bytes)
        accounts = try store.cache("accounts", key: .int, value: .int64)
        ledgers = try store.cache("ledgers", key: .int, value: .bytes)
        expiring = try store.cache("expiring", key: .int, value: .bytes)
        loaded = try store.cache("loaded", key: .int, value: .string)
    }

    static func leftKey(task: Int, _ register: Int) -> Int { task * 100 + register }
    static func rightKey(task: Int, _ register: Int) -> String { "\(task)/\(register)" }
    static func isLeft(_ register: Int) -> Bool { register < CrashPlan.registerCount / 2 }

    func set(_ token: UInt64, task: Int, _ register: Int, in transaction: borrowing Transaction) throws {
        let bytes = CrashPlan.bytes(of: token)
        if Self.isLeft(register) {
            try transaction.set(bytes, for: Self.leftKey(task: task, register), in: left)
        } else {
            try transaction.set(bytes, for: Self.rightKey(task: task, register), in: right)
        }
    }

    func remove(task: Int, _ register: Int, in transaction: borrowing Transaction) throws {
        if Self.isLeft(register) {
            try transaction.remove(Self.leftKey(task: task, register), in: left)
        } else {
            try transaction.remove(Self.rightKey(task: task, register), in: right)
        }
    }

    func bytes(task: Int, _ register: Int, in snapshot: borrowing Snapshot) throws -> [UInt8]? {
        Self.isLeft(register)
            ? try snapshot.value(for: Self.leftKey(task: task, register), in: left)
            : try snapshot.value(for: Self.rightKey(task: task, register), in: right)
    }

    func memoryOrDiskBytes(task: Int, _ register: Int) throws -> [UInt8]? {
        Self.isLeft(register)
            ? try left.value(for: Self.leftKey(task: task, register))
            : try right.value(for: Self.rightKey(task: task, register))
    }
}

/// What a task has transferred: by the ledger's last token, and summed over each account.
struct Ledger: Equatable {
    var token: UInt64 = 0
    var sums = [Int64](repeating: 0, count: CrashPlan.accountCount)

    init() {}

    init?(_ bytes: [UInt8]) {
        guard bytes.count == 8 * (1 + CrashPlan.accountCount) else { return nil }
        func word(_ index: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[8 * index + $1]) << UInt64(8 * $1) }
        }
        token = word(0)
        sums = (0..<CrashPlan.accountCount).map { Int64(bitPattern: word($0 + 1)) }
    }

    var bytes: [UInt8] {
        ([token] + sums.map(UInt64.init(bitPattern:))).flatMap { word in
            stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    mutating func add(_ token: UInt64, from: Int, to: Int, amount: Int64) {
        self.token = token
        sums[from] -= amount
        sums[to] += amount
    }
}
