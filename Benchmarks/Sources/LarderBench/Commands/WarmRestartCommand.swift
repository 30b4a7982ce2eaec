import ArgumentParser
import CBenchSystem
import Foundation
import Larder

/// Replays the first half of each trace through a store, ends the process, and shows how many of the requests that follow memory answers: cold, and with
/// the hot set that the store kept.
struct WarmRestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm-restart", abstract: "Shows the memory hits after a restart, cold and warm.")

    /// How the process that filled memory ends.
    enum Ending: String, CaseIterable, ExpressibleByArgument {
        /// The store is closed.
        case closed
        /// `SIGKILL`, once the hot set was kept at its interval.
        case killed
    }

    @Option(help: "The directory of traces; those with fewer than twice the requests that are counted are left out.")
    var traces: String

    @Option(help: "The requests that are counted after the restart.")
    var requests = 100_000

    @Option(help: "The room in memory, in thousandths of the unique keys.")
    var share = 100

    @Option(help: "Where the stores are.")
    var stores = ".build-stores"

    @Option(help: .hidden)
    var ending: Ending?

    @Option(help: .hidden)
    var path: String?

    @Option(help: .hidden)
    var directory: String?

    func run() throws {
        if let ending, let path, let directory { return try fill(directory, Trace(path: path), ending) }
        print("trace,entries,requests,uninterrupted,ending,cold,warming,warmed,brought_back,cold_ns,warming_ns")
        for path in try Trace.files(in: traces) {
            let trace = try Trace(path: path)
            guard trace.keys.count >= 2 * requests else { continue }
            let uninterrupted = try withDirectory {
                try Self.hits(of: rest(trace), after: first(trace), try open($0, trace, warm: false))
            }
            for ending in Ending.allCases {
                try withDirectory { directory in
                    try fillInAnotherProcess(directory, path, ending)
                    let cold = try measure(directory, trace, .cold)
                    let warming = try measure(directory, trace, .warming)
                    let warmed = try measure(directory, trace, .warmed)
                    let numbers = [uninterrupted, cold.ratio, warming.ratio, warmed.ratio].map {
                        String(format: "%.4f", $0)
                    }
                    print(
                        "\(trace.name),\(entries(trace)),\(requests),\(numbers[0]),\(ending.rawValue),"
                            + "\(numbers[1...].joined(separator: ",")),\(warmed.broughtBack),"
                            + "\(Int(cold.nanoseconds)),\(Int(warming.nanoseconds))")
                    fflush(nil)
                }
            }
        }
    }

    // MARK: The two parts of a trace

    private func first(_ trace: Trace) -> ArraySlice<UInt64> { trace.keys[..<(trace.keys.count / 2)] }
    private func rest(_ trace: Trace) -> ArraySlice<UInt64> { trace.keys[(trace.keys.count / 2)...].prefix(requests) }
    private func entries(_ trace: Trace) -> Int { Trace.share(share, of: trace.uniqueKeys) }

    // MARK: The store

    private static let valueSize = 100
    /// What an entry of a key of 8 bytes takes in memory, with its bookkeeping.
    private static let entrySize = 170

    private func open(_ directory: String, _ trace: Trace, warm: Bool, interval: Duration = .seconds(300)) throws
        -> LarderBytes
    {
        var options = StoreOptions()
        options.memoryCapacity = .bytes(max(1 << 20, entries(trace) * Self.entrySize))
        options.durability = .rebuildable(afterPowerCut: .startEmpty)
        options.hotSetInterval = warm ? interval : nil
        return try LarderBytes(store: Store(at: directory + "/store", options: options))
    }

    private func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        let directory = "\(stores)/warm-restart-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try body(directory)
    }

    private static func bytes(_ key: UInt64) -> [UInt8] {
        unsafe withUnsafeBytes(of: key.bigEndian) { unsafe Array($0) }
    }

    private static func load(_ trace: Trace, _ bench: LarderBytes) throws {
        let keys = Set(trace.keys).sorted()
        for start in stride(from: 0, to: keys.count, by: 10_000) {
            try bench.store.writeBlocking { transaction in
                for key in keys[start..<min(start + 10_000, keys.count)] {
                    try transaction.set(
                        Entry.value(UInt32(truncatingIfNeeded: key), version: 0, size: valueSize), for: bytes(key),
                        in: bench.cache)
                }
            }
        }
    }

    private static func read(_ keys: ArraySlice<UInt64>, _ bench: LarderBytes) throws {
        for key in keys {
            let found = try bench.cache.withBytes(for: bytes(key).span) { $0.count }
            guard found == valueSize else { throw BenchmarkFailure("key \(key) is not in the store") }
        }
    }

    /// The share of requests that memory answers in a process that goes on.
    private static func hits(of rest: ArraySlice<UInt64>, after first: ArraySlice<UInt64>, _ bench: LarderBytes) throws
        -> Double
    {
        try load(Trace(name: "", keys: Array(first) + rest), bench)
        try read(first, bench)
        let before = try bench.store.statistics().memory.hits
        try read(rest, bench)
        let hits = try bench.store.statistics().memory.hits - before
        try bench.store.close()
        return Double(hits) / Double(rest.count)
    }

    // MARK: The process that ends

    private func fillInAnotherProcess(_ directory: String, _ path: String, _ ending: Ending) throws {
        let result = try Subprocess.run(
            CommandLine.arguments[0],
            [
                "warm-restart", "--traces", traces, "--share", "\(share)", "--ending", ending.rawValue, "--path", path,
                "--directory", directory,
            ])
        guard result.status == (ending == .closed ? 0 : 128 + SIGKILL) else {
            throw BenchmarkFailure("\(path): ended with \(result.status): \(result.standardError)")
        }
    }

    private func fill(_ directory: String, _ trace: Trace, _ ending: Ending) throws {
        let bench = try open(directory, trace, warm: true, interval: ending == .closed ? .seconds(300) : .seconds(1))
        try Self.load(trace, bench)
        try Self.read(first(trace), bench)
        switch ending {
        case .closed:
            try bench.store.close()
        case .killed:
            // The interval is looked at when something is read from the disk.
            let absent = Self.bytes(.max - 1)
            let commits = try bench.store.statistics().commits.commits
            while try bench.store.statistics().commits.commits == commits {
                _ = try bench.cache.withBytes(for: absent.span) { $0.count }
                Thread.sleep(forTimeInterval: 0.05)
            }
            kill(getpid(), SIGKILL)
        }
    }

    // MARK: After the restart

    /// In what state memory meets the requests.
    private enum Restart {
        /// Nothing is brought back.
        case cold
        /// The hot set comes back while requests arrive as fast as they are answered.
        case warming
        /// The hot set has come back.
        case warmed
    }

    private func measure(
        _ directory: String, _ trace: Trace, _ restart: Restart
    ) throws -> (ratio: Double, broughtBack: Int, nanoseconds: Double) {
        // A copy, for opening and closing change what is kept.
        let copy = "\(directory)/\(restart)"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(directory)/store", toPath: "\(copy)/store")
        let bench = try open(copy, trace, warm: restart != .cold)
        if restart == .warmed { try waitUntilWarm(bench.store) }
        let before = try bench.store.statistics().memory.hits
        let rest = rest(trace)
        let start = bench_now()
        try Self.read(rest, bench)
        let nanoseconds = Double(bench_now() - start) / Double(rest.count)
        let memory = try bench.store.statistics().memory
        try bench.store.close()
        return (Double(memory.hits - before) / Double(rest.count), memory.warmed, nanoseconds)
    }

    /// Waits until no more entries are brought back.
    private func waitUntilWarm(_ store: Store) throws {
        var last = -1
        while try store.statistics().memory.warmed != last {
            last = try store.statistics().memory.warmed
            Thread.sleep(forTimeInterval: 0.3)
        }
    }
}
