import Foundation

/// Instructions per get under callgrind: the same on every run of one binary, whatever else the machine does.
enum Instructions {
    /// Counts the plan's gets, and subtracts what the harness's own loop takes for as many.
    ///
    /// - Throws: `NotOffered` without valgrind.
    static func count(_ plan: Plan, in directory: String) throws -> Row {
        var harness = plan
        harness.peer = .null
        let own = try total(harness, in: directory + "/null")
        let all = try total(plan, in: directory + "/peer")
        var row = plan.emptyRow
        row.instructionsPerOp = ((Double(all) - Double(own)) / Double(plan.operationsPerThread)).rounded(digits: 1)
        return row
    }

    private static func total(_ plan: Plan, in directory: String) throws -> UInt64 {
        guard plan.peer != .caffeine, plan.peer != .caffeineBytes else {
            throw NotOffered("is compiled while it runs: its instructions are not counted")
        }
        return try Callgrind.total(in: directory) { program, prefix, environment in
            _ = try MeasuringProcess(plan, directory: directory, executable: program)
                .run(.measure, under: prefix, environment: environment)
        }
    }
}
