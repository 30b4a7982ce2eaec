/// The expected state of a crash workload's store, brought up to date from the journals of the killed, and compared with what is there.
struct CrashJudge {
    private var models: [TaskModel]

    /// What a judgement came to.
    struct Judgement {
        /// Operations acknowledged.
        var acknowledged = 0
        /// Operations whose process was killed before they were acknowledged.
        var unfinished = 0
        /// Unfinished operations that are in the store, wholly.
        var survived = 0
        /// What should not be.
        var failures: [String] = []
    }

    /// A workload of so many tasks, on a store without entries.
    init(tasks: Int) {
        models = Array(repeating: TaskModel(), count: tasks)
    }

    /// How many tasks there are.
    var tasks: Int { models.count }

    /// Compares what the store holds with what the journals say. Nobody may be writing.
    mutating func judge(_ stores: CrashStore, journals: String, round: UInt64) async throws -> Judgement {
        var judgement = Judgement()
        // A process that was killed right after its commit's meta page has not told readers of that commit: they see it, which was never
        // acknowledged, from the next write on.
        do { try await stores.checkGoesOnWorking(round: round) } catch { judgement.failures.append("\(error)") }
        for task in models.indices {
            let entries = try Journal.entries(in: CrashWorkload.journal(of: task, in: journals))
            var model = models[task]
            var pending: Journal.Entry?
            for entry in entries {
                guard entry.isAcknowledged else {
                    pending = entry
                    continue
                }
                pending = nil
                judgement.acknowledged += 1
                if let expected = model.apply(entry), expected != entry.answer {
                    judgement.failures.append("task \(task) was answered \(entry.answer), not \(expected)")
                }
            }
            if pending != nil { judgement.unfinished += 1 }
            let observed = try stores.observe(task: task)
            if let mismatch = observed.mismatch(with: model) {
                var after = model
                if let pending { after.apply(pending) }
                guard pending != nil, observed.mismatch(with: after) == nil else {
                    judgement.failures.append("task \(task) \(mismatch)")
                    continue
                }
                judgement.survived += 1
                model = after
            }
            models[task] = model
        }
        do {
            try stores.checkConsistency(tasks: models.count)
            try stores.checkTiers(tasks: models.count)
        } catch {
            judgement.failures.append("\(error)")
        }
        return judgement
    }
}
