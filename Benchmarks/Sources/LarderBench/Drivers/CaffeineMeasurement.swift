import Foundation

/// Caffeine in a process of its own: `Caffeine/CaffeineDriver.java`, run from source by the `java` launcher with Debian's jar.
///
/// The draws are made here and handed over in files, so that both sides ask for the same entries whatever their math libraries do.
struct CaffeineMeasurement {
    /// What the program makes of a key.
    enum KeyForm: String {
        /// An object of two numbers.
        case pair
        /// An object that holds an array of bytes.
        case bytes
    }

    let keys: KeyForm
    let plan: Plan
    let directory: String

    func perform(_ task: MeasurementTask) throws -> String {
        switch task {
        case .selfTest: return try run("self_test", draws: []).joined(separator: "\n")
        case .putUntilKilled: throw NotOffered("keeps nothing on disk")
        case .measure: return try measure().line()
        }
    }

    private func measure() throws -> Row {
        switch plan.case {
        case .memoryGetHit, .memoryOverhead: return try row(run(plan.case.rawValue, draws: threadDraws()))
        case .ycsbA, .ycsbB, .ycsbC:
            if plan.durable { throw NotOffered("keeps nothing on disk") }
            return try row(run(plan.case.rawValue, draws: threadDraws()))
        case .memoryGetEvicting:
            let warming = plan.distribution.draw(plan.entries, below: plan.entries, seed: plan.seed(thread: 1))
            return try row(run(plan.case.rawValue, draws: [warming] + threadDraws()))
        case .memoryGetHitInstructions: throw NotOffered("is compiled while it runs: its instructions are not counted")
        default: throw NotOffered("keeps nothing on disk")
        }
    }

    private func threadDraws() -> [[UInt32]] {
        if plan.case == .memoryOverhead { return [] }
        return (0..<plan.threads).map {
            plan.distribution.draw(plan.operationsPerThread, below: plan.entries, seed: plan.seed(thread: $0))
        }
    }

    /// The row from lines of a field's name and its figure.
    private func row(_ lines: [String]) throws -> Row {
        var figures: [Substring: Double] = [:]
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 2, let figure = Double(words[1]) { figures[words[0]] = figure }
        }
        var row = plan.emptyRow
        if let operations = figures["operations"], let wall = figures["wall_ns"], let cpu = figures["cpu_ns"] {
            row.opsPerSecond = (operations / wall * 1e9).rounded(digits: 1)
            row.nanosecondsPerOp = (wall * Double(plan.threads) / operations).rounded(digits: 2)
            row.cpuNanosecondsPerOp = (cpu / operations).rounded(digits: 2)
            row.hitRatio = figures["inserted"].map { (1 - $0 / operations).rounded(digits: 5) }
        } else if let bytes = figures["heap_bytes"] {
            let payload = plan.entries * (Entry.keySize + plan.valueSize)
            row.overheadBytesPerEntry = ((bytes - Double(payload)) / Double(plan.entries)).rounded(digits: 1)
        } else {
            throw BenchmarkFailure("the Java driver printed \(lines)")
        }
        row.nanosecondsPerOpP50 = figures["p50"]
        row.p99 = figures["p99"]
        return row
    }

    private func run(_ mode: String, draws: [[UInt32]]) throws -> [String] {
        var arguments = [mode, keys.rawValue, "\(plan.entries)", "\(plan.valueSize)"]
        for (position, indexes) in draws.enumerated() {
            let path = "\(directory)/draws-\(position)"
            let bytes = unsafe indexes.withUnsafeBytes { unsafe Data($0) }
            try bytes.write(to: URL(fileURLWithPath: path))
            arguments.append(path)
        }
        // Ample for the entries: the collector is not what is measured.
        let megabytes = 512 + ((3 * plan.entries * (plan.valueSize + 200)) >> 20)
        return try Self.run(arguments, heapMegabytes: megabytes)
    }

    /// Runs the Java driver and returns the lines that it printed.
    ///
    /// - Throws: `NotOffered` where there is no Java or no Caffeine.
    static func run(_ arguments: [String], heapMegabytes: Int) throws -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let jar = environment["CAFFEINE_JAR"] ?? "/usr/share/java/caffeine.jar"
        guard FileManager.default.isReadableFile(atPath: jar) else {
            throw NotOffered("is not installed (libcaffeine-java)")
        }
        guard let java = Subprocess.find("java"), Subprocess.find("javac") != nil else {
            throw NotOffered("needs a Java development kit (default-jdk-headless)")
        }
        let heap = ["-Xms\(heapMegabytes)m", "-Xmx\(heapMegabytes)m", "-XX:+AlwaysPreTouch"]
        let result = try Subprocess.run(java, heap + ["-cp", jar, "Caffeine/CaffeineDriver.java"] + arguments)
        guard result.status == 0 else {
            throw BenchmarkFailure("the Java driver failed: \(result.standardError)")
        }
        return result.standardOutput.split(separator: "\n").map(String.init)
    }
}
