internal import Foundation
internal import ProductCatalog

/// The service in a process of its own, which can be killed at any moment.
final class ServiceProcess: Sendable {
    private let process: Process
    /// What it says, line by line.
    private let lines: AsyncStream<String>
    private let endings: AsyncStream<Ending>

    /// How the process ended.
    enum Ending: Equatable, Sendable {
        /// It returned this code.
        case exited(Int32)
        /// This signal ended it.
        case killed(Int32)
    }

    /// A process that has ended, or said something else than was to be expected.
    struct Unexpected: Error {
        var line: String?
    }

    /// Starts the service for a directory.
    ///
    /// - Parameters:
    ///   - step: Where it is to hold up the first request.
    ///   - milliseconds: How long every step is to take.
    init(_ directory: String, holdingAt step: Step? = nil, pausing milliseconds: Int = 0) throws {
        let process = Process()
        process.executableURL = try Self.executable()
        process.arguments =
            ["--data", directory, "--port", "0", "--pause", "\(milliseconds)"]
            + (step.map { ["--hold", $0.rawValue] } ?? [])
        process.environment = ["LOG_LEVEL": "critical"]
        let pipe = Pipe()
        process.standardOutput = pipe
        let (endings, ended) = AsyncStream.makeStream(of: Ending.self)
        process.terminationHandler = { process in
            let status = process.terminationStatus
            ended.yield(process.terminationReason == .exit ? .exited(status) : .killed(status))
            ended.finish()
        }
        try process.run()
        let (lines, said) = AsyncStream.makeStream(of: String.self)
        (self.process, self.lines, self.endings) = (process, lines, endings)
        Thread.detachNewThread {
            var text = Data()
            while case let data = pipe.fileHandleForReading.availableData, !data.isEmpty {
                text.append(data)
                while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                    said.yield(String(decoding: text[..<end], as: UTF8.self))
                    text.removeSubrange(...end)
                }
            }
            said.finish()
        }
    }

    deinit {
        if process.isRunning { signal(SIGKILL) }
    }

    /// Whether it has not ended yet.
    var isRunning: Bool { process.isRunning }

    /// Waits until the service listens.
    func client() async throws -> ServiceClient {
        let prefix = "listening on port "
        guard let line = await nextLine(), line.hasPrefix(prefix), let port = Int(line.dropFirst(prefix.count)) else {
            throw Unexpected()
        }
        return try ServiceClient(port: port)
    }

    /// Waits until a request is held up at a step.
    func waitUntilHeld(at step: Step) async throws {
        let line = await nextLine()
        guard line == "reached \(step.rawValue)" else { throw Unexpected(line: line) }
    }

    private func nextLine() async -> String? {
        var iterator = lines.makeAsyncIterator()
        return await iterator.next()
    }

    /// Ends the process with a signal, and waits until it is gone.
    @discardableResult
    func end(_ number: Int32) async -> Ending? {
        signal(number)
        return await ending()
    }

    /// Waits until the process is gone.
    func ending() async -> Ending? {
        var iterator = endings.makeAsyncIterator()
        return await iterator.next()
    }

    private func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// The program: the build puts it beside the tests.
    private static func executable() throws -> URL {
        for argument in ["/proc/self/exe"] + CommandLine.arguments {
            var directory = URL(filePath: argument).resolvingSymlinksInPath().deletingLastPathComponent()
            while directory.pathComponents.count > 1 {
                let candidate = directory.appending(path: "product-catalog")
                var isDirectory: ObjCBool = false
                if unsafe FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isDirectory),
                    !isDirectory.boolValue
                {
                    return candidate
                }
                directory.deleteLastPathComponent()
            }
        }
        throw CocoaError(.fileNoSuchFile)
    }
}
