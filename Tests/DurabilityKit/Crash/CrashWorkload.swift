internal import Larder

/// What a worker process does until it is killed: tasks that write, each with its journal.
public struct CrashWorkload: Sendable {
    private let path: String
    private let journals: String
    private let tasks: Range<Int>
    private let seed: UInt64

    /// Reads what ``arguments(store:journals:tasks:seed:)`` gives; `nil` if it is something else.
    public init?(_ arguments: [String]) {
        let numbers = arguments.dropFirst(2).compactMap { UInt64($0) }
        guard arguments.count == 5, numbers.count == 3 else { return nil }
        path = arguments[0]
        journals = arguments[1]
        tasks = Int(numbers[0])..<Int(numbers[1])
        seed = numbers[2]
    }

    static func arguments(store: String, journals: String, tasks: Range<Int>, seed: UInt64) -> [String] {
        [store, journals, "\(tasks.lowerBound)", "\(tasks.upperBound)", "\(seed)"]
    }

    static func journal(of task: Int, in directory: String) -> String {
        "\(directory)/\(task)"
    }

    /// Works until the process is killed. Throws what should not happen.
    public func run(ready: () -> Void) async throws {
        let stores = try CrashStore(at: path)
        ready()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in tasks {
                group.addTask {
                    let journal = try Journal(path: Self.journal(of: task, in: journals))
                    var generator = SeededGenerator(seed: SeededGenerator.mix(seed) &+ UInt64(task))
                    while true {
                        try await perform(generator.next(), task: task, stores, journal)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private struct Thrown: Error {}

    private func perform(_ token: UInt64, task: Int, _ stores: CrashStore, _ journal: Journal) async throws {
        let plan = CrashPlan(token: token)
        var entry = Journal.Entry(isAcknowledged: false, token: token)
        if case .expiring(let milliseconds) = plan.kind { entry.deadline = WallTime.now() + milliseconds }
        let deadline = entry.deadline
        try journal.append(entry)
        let bytes = CrashPlan.bytes(of: token)
        switch plan.kind {
        case .set(let register):
            if CrashStore.isLeft(register) {
                try await stores.left.set(bytes, for: CrashStore.leftKey(task: task, register))
            } else {
                try await stores.right.set(bytes, for: CrashStore.rightKey(task: task, register))
            }
        case .setIfAbsent(let register):
            let wasSet =
                CrashStore.isLeft(register)
                ? try await stores.left.setIfAbsent(bytes, for: CrashStore.leftKey(task: task, register))
                : try await stores.right.setIfAbsent(bytes, for: CrashStore.rightKey(task: task, register))
            entry.answer = wasSet ? 1 : 0
        case .remove(let register):
            let wasThere =
                CrashStore.isLeft(register)
                ? try await stores.left.remove(CrashStore.leftKey(task: task, register))
                : try await stores.right.remove(CrashStore.rightKey(task: task, register))
            entry.answer = wasThere ? 1 : 0
        case .removeRange(let count):
            try await stores.left.removeAll(
                from: CrashStore.leftKey(task: task, 0), to: CrashStore.leftKey(task: task, count))
        case .transaction(let set, let removed):
            try await stores.store.write { transaction in
                for register in removed { try stores.remove(task: task, register, in: transaction) }
                for register in set { try stores.set(token, task: task, register, in: transaction) }
            }
        case .failing(let registers):
            do {
                try await stores.store.write { transaction in
                    for register in registers { try stores.set(token, task: task, register, in: transaction) }
                    throw Thrown()
                }
            } catch is Thrown {
                entry.answer = 2
            }
        case .transfer(let from, let to, let amount):
            try await transfer(token, task: task, from: from, to: to, amount: amount, stores)
        case .expiring:
            try await stores.expiring.set(bytes, for: task, expires: .at(millisecondsSince1970: deadline))
        case .load(let key):
            let value = try await stores.loaded.value(for: key) { CrashPlan.sourceValue($0) }
            entry.answer = value == CrashPlan.sourceValue(key) ? 1 : 0
        }
        entry.isAcknowledged = true
        try journal.append(entry)
    }

    private func transfer(
        _ token: UInt64, task: Int, from: Int, to: Int, amount: Int64, _ stores: CrashStore
    ) async throws {
        try await stores.store.write { transaction in
            var ledger = try transaction.value(for: task, in: stores.ledgers).flatMap { Ledger($0) } ?? Ledger()
            ledger.add(token, from: from, to: to, amount: amount)
            for (account, change) in [(from, -amount), (to, amount)] {
                let balance = try transaction.value(for: account, in: stores.accounts) ?? CrashPlan.initialBalance
                try transaction.set(balance + change, for: account, in: stores.accounts)
            }
            try transaction.set(ledger.bytes, for: task, in: stores.ledgers)
        }
    }
}
