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
        guard plan.peer != .caffeine else {
            throw NotOffered("is compiled while it runs: its instructions are not counted")
        }
        guard let valgrind = Subprocess.find("valgrind") else {
            throw NotOffered("is counted by valgrind, which is missing")
        }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let output = directory + "/callgrind.out"
        let program = directory + "/larder-bench"
        try strip(to: program)
        _ = try MeasuringProcess(plan, directory: directory, executable: program).run(
            .measure,
            under: [
                valgrind, "--quiet", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=\(output)",
            ],
            // Or every process would hash, and so probe, in an order of its own.
            environment: ["SWIFT_DETERMINISTIC_HASHING": "1"])
        let text = try String(contentsOfFile: output, encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix("totals: ") {
            if let total = UInt64(line.dropFirst("totals: ".count)) { return total }
        }
        throw BenchmarkFailure("callgrind wrote no total")
    }

    /// Copies this program without its debug information, of a form newer than Debian's valgrind reads.
    private static func strip(to path: String) throws {
        guard let strip = Subprocess.find("strip") else { throw NotOffered("needs strip (binutils), which is missing") }
        let result = try Subprocess.run(strip, ["--strip-debug", "-o", path, MeasuringProcess.executable])
        guard result.status == 0 else { throw BenchmarkFailure("strip failed: \(result.standardError)") }
    }
}
