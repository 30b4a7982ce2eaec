/// What a task of the crash workload must have left in the store.
struct TaskModel: Equatable {
    /// The token in each register; 0 for none.
    var registers = [UInt64](repeating: 0, count: CrashPlan.registerCount)
    var ledger = Ledger()
    var expiring: (token: UInt64, deadline: UInt64) = (0, 0)

    static func == (left: TaskModel, right: TaskModel) -> Bool {
        left.registers == right.registers && left.ledger == right.ledger && left.expiring == right.expiring
    }

    /// Applies an operation. Returns what it must have answered, where that follows from the state.
    @discardableResult
    mutating func apply(_ entry: Journal.Entry) -> UInt64? {
        let token = entry.token
        switch CrashPlan(token: token).kind {
        case .set(let register): registers[register] = token
        case .setIfAbsent(let register):
            guard registers[register] == 0 else { return 0 }
            registers[register] = token
            return 1
        case .remove(let register):
            defer { registers[register] = 0 }
            return registers[register] == 0 ? 0 : 1
        case .removeRange(let count):
            for register in 0..<count { registers[register] = 0 }
        case .transaction(let set, let removed):
            for register in removed { registers[register] = 0 }
            for register in set { registers[register] = token }
        case .failing: return 2
        case .transfer(let from, let to, let amount): ledger.add(token, from: from, to: to, amount: amount)
        case .expiring: expiring = (token, entry.deadline)
        case .load: return 1
        }
        return nil
    }
}
