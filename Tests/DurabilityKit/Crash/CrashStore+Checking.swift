internal import Larder

/// What a check of the crash workload found wrong.
struct CrashFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What the store holds for a task.
struct ObservedTask {
    var registers: [UInt64]
    var ledger: Ledger
    /// The token of the expiring entry; 0 for none.
    var expiring: UInt64
    /// The wall clock before and after the look.
    var time: ClosedRange<UInt64>

    /// What differs from a model, or `nil`.
    func mismatch(with model: TaskModel) -> String? {
        for (register, (observed, expected)) in zip(registers, model.registers).enumerated() where observed != expected
        {
            return "holds \(observed) in register \(register), not \(expected)"
        }
        if ledger != model.ledger { return "holds the ledger of \(ledger.token), not \(model.ledger.token)" }
        let (token, deadline) = model.expiring
        if expiring == 0 {
            return token == 0 || deadline <= time.upperBound ? nil : "lost an entry before its deadline"
        }
        if expiring != token { return "holds the expiring entry \(expiring), not \(token)" }
        // The store's clock is coarse: a few milliseconds late.
        return time.lowerBound < deadline + 20 ? nil : "shows an entry after its deadline"
    }
}

extension CrashStore {
    /// What the store holds for a task, in one snapshot.
    func observe(task: Int) throws -> ObservedTask {
        let before = WallTime.now()
        func token(_ bytes: [UInt8]?) throws -> UInt64 {
            guard let bytes else { return 0 }
            guard let token = CrashPlan.token(of: bytes) else { throw CrashFailure("a value that nobody wrote") }
            return token
        }
        return try store.read { snapshot in
            let registers = try (0..<CrashPlan.registerCount).map { register in
                try token(bytes(task: task, register, in: snapshot))
            }
            let ledger = try snapshot.value(for: task, in: ledgers)
            guard let ledger = ledger.map({ Ledger($0) }) ?? Ledger() else { throw CrashFailure("a torn ledger") }
            return ObservedTask(
                registers: registers, ledger: ledger, expiring: try token(snapshot.value(for: task, in: expiring)),
                time: before...WallTime.now())
        }
    }

    /// Checks what must hold at every moment: the accounts are what the ledgers say, what was loaded is what the source has, and every
    /// record can be read.
    func checkConsistency(tasks: Int) throws {
        try store.read { snapshot in
            var expected = [Int64](repeating: CrashPlan.initialBalance, count: CrashPlan.accountCount)
            try snapshot.forEach(in: ledgers) { task, bytes in
                guard let ledger = Ledger(bytes) else { throw CrashFailure("a torn ledger") }
                for account in expected.indices { expected[account] += ledger.sums[account] }
            }
            for account in expected.indices {
                let balance = try snapshot.value(for: account, in: accounts) ?? CrashPlan.initialBalance
                if balance != expected[account] { throw CrashFailure("a transfer is there in part") }
            }
            try snapshot.forEach(in: loaded) { key, value in
                if value != CrashPlan.sourceValue(key) { throw CrashFailure("a loaded value is wrong") }
            }
            for cache in [left, expiring] {
                try snapshot.forEach(in: cache) { _, bytes in
                    if CrashPlan.token(of: bytes) == nil { throw CrashFailure("a value that nobody wrote") }
                }
            }
            try snapshot.forEach(in: right) { _, bytes in
                if CrashPlan.token(of: bytes) == nil { throw CrashFailure("a value that nobody wrote") }
            }
        }
    }

    /// Checks that reads through memory are not behind the disk while others write: what lies between two equal looks at the disk is the same.
    /// No value is written twice.
    func checkMemory(tasks: Int) throws {
        for task in 0..<tasks {
            for register in 0..<CrashPlan.registerCount {
                let before = try store.read { try bytes(task: task, register, in: $0) }
                let answer = try memoryOrDiskBytes(task: task, register)
                let after = try store.read { try bytes(task: task, register, in: $0) }
                if let before, before == after, answer != before {
                    throw CrashFailure("memory answers with what the disk has no more")
                }
            }
        }
    }

    /// Checks that a snapshot stays as it is while it is held for a time, whatever others commit.
    func checkSnapshot(tasks: Int, for nanoseconds: UInt64) throws {
        try store.read { snapshot in
            let before = try contents(tasks: tasks, in: snapshot)
            MonotonicTime.sleep(nanoseconds: nanoseconds)
            if try contents(tasks: tasks, in: snapshot) != before {
                throw CrashFailure("a snapshot has changed while it was held")
            }
        }
        try checkConsistency(tasks: tasks)
    }

    private func contents(tasks: Int, in snapshot: borrowing Snapshot) throws -> [[UInt8]?] {
        var contents: [[UInt8]?] = []
        for task in 0..<tasks {
            for register in 0..<CrashPlan.registerCount {
                contents.append(try bytes(task: task, register, in: snapshot))
            }
            contents.append(try snapshot.value(for: task, in: ledgers))
        }
        return contents
    }

    /// Checks that reads through memory, the first time and the second, give what a snapshot gives. Nobody may be writing.
    func checkTiers(tasks: Int) throws {
        for task in 0..<tasks {
            for register in 0..<CrashPlan.registerCount {
                let durable = try store.read { try bytes(task: task, register, in: $0) }
                for _ in 0..<2 where try memoryOrDiskBytes(task: task, register) != durable {
                    throw CrashFailure("the tiers differ")
                }
            }
        }
    }

    /// Checks that the store takes writes and forgets them again.
    func checkGoesOnWorking(round: UInt64) async throws {
        let key = 1_000_000
        let bytes = CrashPlan.bytes(of: round)
        try await left.set(bytes, for: key)
        guard try left.value(for: key) == bytes else { throw CrashFailure("a write after the reopening is not there") }
        guard try await left.remove(key), try left.value(for: key) == nil else {
            throw CrashFailure("a removal after the reopening did nothing")
        }
    }
}
