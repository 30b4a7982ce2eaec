import ArgumentParser
import Foundation

/// Proves that all drivers see the same keys and values.
struct SelfTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test", abstract: "Checks that every driver gives back the same keys and values.")

    @Option(name: .customLong("peer"), parsing: .upToNextOption, help: "Only these peers.")
    var peers: [Peer] = []

    @Option(help: "Entries to load.")
    var entries = 20_000

    @Option(help: "Where the peers keep their files.")
    var stores = ".build-stores"

    func run() throws {
        var differing = 0
        for valueSize in [100, 1024] {
            let expected = Digest.expectedOfSelfTest(entries: entries, valueSize: valueSize).description
            for peer in peers.isEmpty ? Peer.reported : peers {
                let outcome = try digest(peer, valueSize: valueSize)
                let matches = outcome == expected
                if !matches && !outcome.hasPrefix("skipped") { differing += 1 }
                let verdict = matches ? "same keys and values" : outcome
                print("\(peer.rawValue), \(valueSize)-byte values: \(verdict)")
            }
        }
        if differing > 0 {
            Runner.say("\(differing) differ from the workload")
            throw ExitCode.failure
        }
    }

    private func digest(_ peer: Peer, valueSize: Int) throws -> String {
        let directory = URL(fileURLWithPath: "\(stores)/self-test-\(peer.rawValue)-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let plan = Plan(
            case: .memoryGetHit, peer: peer, threads: 1, entries: entries, valueSize: valueSize,
            distribution: .uniform, durable: false, repetition: 0)
        do {
            return try MeasuringProcess(plan, directory: directory).run(.selfTest)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        } catch let error as NotOffered {
            return "skipped: \(error)"
        } catch let error as BenchmarkFailure {
            return "failed: \(error)"
        }
    }
}
