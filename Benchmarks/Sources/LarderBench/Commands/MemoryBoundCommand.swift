import ArgumentParser
import Foundation
@_spi(Benchmarks) import Larder
import Synchronization

/// Drives the memory tier with values of all sizes from several threads, and shows the highest resident memory against the budget.
struct MemoryBoundCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory-bound",
        abstract: "Shows the highest resident memory of the memory tier against its budget.")

    @Option(parsing: .upToNextOption, help: "The budgets, in MiB.")
    var capacity = [16, 64, 256, 1_024]

    @Option(help: "Threads that read, replace, and insert what they miss.")
    var threads = 4

    @Option(help: "How many times its budget each tier is filled.")
    var rounds = 5

    @Option(parsing: .upToNextOption, help: "The largest values, in bytes: powers of two from 32 on.")
    var largest = [512, 1 << 20]

    @Flag(help: .hidden)
    var alone = false

    func run() throws {
        if alone { return try print(measure(capacity[0] << 20, largest[0])) }
        print(
            "capacity_bytes,largest_value,highest_counted_bytes,highest_resident_bytes,resident_share,entries,insertions"
        )
        for (mebibytes, largest) in capacity.flatMap({ capacity in largest.map { (capacity, $0) } }) {
            // In a process of its own: an allocator does not forget what it once had.
            let result = try Subprocess.run(
                CommandLine.arguments[0],
                [
                    "memory-bound", "--capacity", "\(mebibytes)", "--largest", "\(largest)", "--threads", "\(threads)",
                    "--rounds", "\(rounds)",
                    "--alone",
                ])
            guard result.status == 0 else { throw BenchmarkFailure(result.standardError) }
            print(result.standardOutput, terminator: "")
            fflush(nil)
        }
    }

    private func measure(_ bytes: Int, _ largest: Int) throws -> String {
        let filler = [UInt8](repeating: 7, count: largest)
        let before = try Self.residentMemory()
        let memory = StandaloneMemory(capacity: .bytes(bytes))
        let highest = Atomic<Int>(before)
        let isDone = Atomic<Bool>(false)
        let insertions = Atomic<Int>(0)
        let sampler = Thread {
            while !isDone.load(ordering: .relaxed) {
                if let now = try? Self.residentMemory() { highest.max(now, ordering: .relaxed) }
                usleep(1_000)
            }
        }
        sampler.start()
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            var random = SplitMix64(seed: UInt64(thread))
            var inserted = 0
            // So many keys that about a third of their bytes fit.
            let keys = UInt64(max(64, bytes * 3 / Self.meanSize(upTo: largest)))
            while inserted < rounds * bytes / threads {
                let number = random.next() % keys
                let key = Entry.key(UInt32(truncatingIfNeeded: number))
                // Some of what is there is replaced by something of another size.
                if memory.withBytes(for: key.span, { $0.count }) != nil, random.next() % 4 != 0 { continue }
                let size = Self.size(random.next(), upTo: largest)
                memory.insert(filler.span.extracting(..<size), for: key.span)
                inserted += size
                insertions.add(1, ordering: .relaxed)
            }
        }
        isDone.store(true, ordering: .relaxed)
        let statistics = memory.statistics
        let resident = highest.load(ordering: .relaxed) - before
        return
            "\(bytes),\(largest),\(statistics.highestBytes),\(resident),"
            + String(format: "%.4f", Double(resident) / Double(bytes))
            + ",\(statistics.entries),\(insertions.load(ordering: .relaxed))"
    }

    // MARK: Sizes

    /// 16 bytes to `largest`, each magnitude as likely as the others.
    private static func size(_ random: UInt64, upTo largest: Int) -> Int {
        let magnitudes = UInt64(largest.trailingZeroBitCount - 4)
        let least = 16 << Int(random % magnitudes)
        return least + Int((random >> 32) % UInt64(least))
    }

    private static func meanSize(upTo largest: Int) -> Int {
        largest * 3 / 2 / (largest.trailingZeroBitCount - 4)
    }

    /// Anonymous resident memory of the process, in bytes, as it is: nothing is given back first.
    private static func residentMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
            let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Int($0)
            })
        else { throw BenchmarkFailure("the system does not say how much memory is resident") }
        return kibibytes << 10
    }
}
