import Foundation

/// Callgrind, which counts the instructions between `bench_start_counting` and `bench_stop_counting`.
enum Callgrind {
    /// The instructions that a run of this program under callgrind counted.
    ///
    /// - Parameter run: Runs `program`, a copy of this one, behind `prefix` and with `environment` added to its own.
    /// - Throws: `NotOffered` without valgrind.
    static func total(
        in directory: String,
        _ run: (_ program: String, _ prefix: [String], _ environment: [String: String]) throws -> Void
    ) throws -> UInt64 {
        guard let valgrind = Subprocess.find("valgrind") else {
            throw NotOffered("is counted by valgrind, which is missing")
        }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let output = directory + "/callgrind.out"
        let program = directory + "/larder-bench"
        try strip(to: program)
        try run(
            program,
            [valgrind, "--quiet", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=\(output)"],
            // Or every process would hash, and so probe, in an order of its own.
            ["SWIFT_DETERMINISTIC_HASHING": "1"])
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
