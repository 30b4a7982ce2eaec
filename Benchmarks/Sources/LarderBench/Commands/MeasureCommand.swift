import ArgumentParser
import CBenchSystem
import Foundation

/// One measurement in this process: what `run` starts over and over.
struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Makes one measurement and prints its row.")

    @Option var task = MeasurementTask.measure
    @Option var `case`: Case
    @Option var peer: Peer
    @Option var threads = 1
    @Option var entries = 1_000_000
    @Option var valueSize = 100
    @Option var distribution = Distribution.zipf
    @Flag var durable = false
    @Option var repetition = 0

    @Option(help: "An empty directory for the peer's files.")
    var directory: String

    func run() throws {
        bench_end_with_parent()
        let plan = Plan(
            case: self.case, peer: peer, threads: threads, entries: entries, valueSize: valueSize,
            distribution: distribution, durable: durable, repetition: repetition)
        do {
            print(try peer.perform(task, plan, in: directory))
        } catch let error as NotOffered {
            Runner.say(error.description)
            throw ExitCode(MeasuringProcess.notOffered)
        }
    }
}

/// Keeps the processors awake until killed.
struct SpinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spin", abstract: "Keeps the processors awake at idle priority until killed.", shouldDisplay: false
    )

    func run() {
        bench_spin()
    }
}
