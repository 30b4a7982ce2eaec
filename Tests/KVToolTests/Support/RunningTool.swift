import Dispatch
import Foundation

/// A `kvtool` that runs beside the test, fed through its standard input.
final class RunningTool: Sendable {
    private let process = Process()
    private let input = Pipe()
    private let ended = DispatchSemaphore(value: 0)
    private let scratch = ScratchDirectory()

    init(_ arguments: String...) throws {
        // To feed a process that was killed is an error then, and no signal that ends the tests.
        signal(SIGPIPE, SIG_IGN)
        let (output, errors) = (scratch.path + "/output", scratch.path + "/errors")
        for file in [output, errors] { try Data().write(to: URL(fileURLWithPath: file)) }
        process.executableURL = URL(fileURLWithPath: Tool.path)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    /// Writes to its standard input.
    func feed(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    /// Ends its standard input and waits for its end.
    func finish() throws -> Tool.Outcome {
        try input.fileHandleForWriting.close()
        return try wait()
    }

    /// Kills it with SIGKILL and waits for its end.
    func kill() throws -> Tool.Outcome {
        _ = Foundation.kill(process.processIdentifier, SIGKILL)
        return try wait()
    }

    private func wait() throws -> Tool.Outcome {
        ended.wait()
        return Tool.Outcome(
            status: process.terminationStatus, output: try bytes(of: scratch.path + "/output"),
            errors: String(decoding: try bytes(of: scratch.path + "/errors"), as: UTF8.self))
    }

    /// Waits until something has happened that the process does while it runs; returns whether it has, and not the process ended instead.
    func waits(until condition: () throws -> Bool) rethrows -> Bool {
        while try !condition() {
            if !isRunning { return try condition() }
            usleep(2_000)
        }
        return true
    }
}
