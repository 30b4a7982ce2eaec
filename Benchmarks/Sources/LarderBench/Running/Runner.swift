import Foundation

/// Runs cells: every measurement in a process of its own, repetitions outermost and peers alternating inside, so that drift hits all alike.
struct Runner {
    /// Why a measurement has no row.
    struct Skip: Hashable {
        var `case`: Case
        var peer: Peer
        var reason: String

        var line: String { "skipped: \(peer.rawValue) in \(self.case.rawValue): \(reason)" }
    }

    /// How one measurement ended.
    private enum Outcome {
        case measured(Row)
        case skipped(Skip)
        case failed(String)
    }

    var entries: Int
    var repetitions: Int
    /// Where the peers keep their files while they are measured: a disk, not a memory file system.
    var stores: String
    /// Called with each row as it comes.
    var report: (Row) throws -> Void

    /// Runs the cells and returns what was skipped and what failed.
    func run(_ cells: [Cell]) throws -> (skips: [Skip], failures: [String]) {
        var skips: [Skip] = []
        var skipped: Set<Skip> = []
        var failures: [String] = []
        let spinners = Spinners()
        defer { spinners.stop() }
        for repetition in 0..<repetitions {
            for cell in cells {
                for position in cell.peers.indices {
                    let peer = cell.peers[(position + repetition) % cell.peers.count]
                    if skipped.contains(where: { $0.case == cell.case && $0.peer == peer }) { continue }
                    if cell.durable { try spinners.start() } else { spinners.stop() }
                    let plan = Plan(
                        case: cell.case, peer: peer, threads: cell.threads, entries: entries,
                        valueSize: cell.valueSize, distribution: cell.distribution, durable: cell.durable,
                        repetition: repetition)
                    switch try measure(plan) {
                    case .measured(let row): try report(row)
                    case .skipped(let skip):
                        skipped.insert(skip)
                        skips.append(skip)
                        Self.say(skip.line)
                    case .failed(let reason):
                        failures.append("failed: \(peer.rawValue) in \(cell.case.rawValue): \(reason)")
                        Self.say(failures.last!)
                    }
                }
            }
        }
        return (skips, failures)
    }

    /// A line for whoever watches; rows and tables alone go to standard output.
    static func say(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    private func measure(_ plan: Plan) throws -> Outcome {
        let directory = "\(stores)/\(plan.case.rawValue)-\(plan.peer.rawValue)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            switch plan.case {
            case .reopenKilled:
                try prepareKilled(plan, in: directory)
                return .measured(try MeasuringProcess(plan, directory: directory).measure())
            case .memoryGetHitInstructions:
                return .measured(try Instructions.count(plan, in: directory))
            default:
                return .measured(try MeasuringProcess(plan, directory: directory).measure())
            }
        } catch let error as NotOffered {
            return .skipped(Skip(case: plan.case, peer: plan.peer, reason: error.description))
        } catch let error as BenchmarkFailure {
            return .failed(error.description)
        }
    }

    /// Leaves behind what a process had that was killed while it put.
    private func prepareKilled(_ plan: Plan, in directory: String) throws {
        let victim = MeasuringProcess(plan, directory: directory).prepared(.putUntilKilled)
        let output = Pipe()
        victim.standardOutput = output
        try victim.run()
        defer {
            kill(victim.processIdentifier, SIGKILL)
            victim.waitUntilExit()
        }
        let line = try output.fileHandleForReading.read(upToCount: 6) ?? Data()
        guard line.starts(with: Data("ready".utf8)) else {
            victim.waitUntilExit()
            if victim.terminationStatus == MeasuringProcess.notOffered { throw NotOffered("keeps nothing on disk") }
            throw BenchmarkFailure("the process to be killed ended early")
        }
        // Killed in the middle of its puts.
        Thread.sleep(forTimeInterval: 0.5)
    }
}

/// A process that makes one measurement.
struct MeasuringProcess {
    /// The exit code that says the peer does not offer what was asked (EX_UNAVAILABLE).
    static let notOffered: Int32 = 69

    private let plan: Plan
    private let directory: String
    private let executable: String

    init(_ plan: Plan, directory: String, executable: String = Self.executable) {
        self.plan = plan
        self.directory = directory
        self.executable = executable
    }

    /// This program.
    static var executable: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    func arguments(_ task: MeasurementTask) -> [String] {
        [
            "measure", "--task", task.rawValue, "--case", plan.case.rawValue, "--peer", plan.peer.rawValue,
            "--threads", "\(plan.threads)", "--entries", "\(plan.entries)", "--value-size", "\(plan.valueSize)",
            "--distribution", plan.distribution.rawValue, "--repetition", "\(plan.repetition)",
            "--directory", directory,
        ] + (plan.durable ? ["--durable"] : [])
    }

    private var environment: [String: String] {
        guard plan.case.writes else { return [:] }
        let counter = URL(fileURLWithPath: Self.executable).deletingLastPathComponent()
            .appendingPathComponent("libFlushCounter.so").path
        return FileManager.default.fileExists(atPath: counter) ? ["LD_PRELOAD": counter] : [:]
    }

    func prepared(_ task: MeasurementTask) -> Process {
        Subprocess.prepared(executable, arguments(task), environment: environment)
    }

    /// Runs the process and returns what it printed.
    ///
    /// - Parameters:
    ///   - prefix: A program to run it under, with that program's arguments.
    ///   - additions: Added to its environment.
    func run(
        _ task: MeasurementTask, under prefix: [String] = [], environment additions: [String: String] = [:]
    ) throws -> String {
        let command = prefix + [executable] + arguments(task)
        let result = try Subprocess.run(
            command[0], Array(command.dropFirst()), environment: environment.merging(additions) { $1 })
        switch result.status {
        case 0: return result.standardOutput
        case Self.notOffered: throw NotOffered(result.standardError.lastLine)
        default: throw BenchmarkFailure("exit \(result.status): \(result.standardError.lastLine)")
        }
    }

    func measure() throws -> Row {
        guard let row = try Row.read(lines: run(.measure)).first else { throw BenchmarkFailure("printed no row") }
        return row
    }
}

extension String {
    fileprivate var lastLine: String {
        split(separator: "\n").last.map(String.init) ?? ""
    }
}
