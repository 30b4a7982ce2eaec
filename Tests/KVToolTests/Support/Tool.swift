import Dispatch
import Foundation

/// The built `kvtool`, run as a process of its own.
enum Tool {
    /// What a finished process left.
    struct Outcome {
        var status: Int32
        var output: [UInt8]
        var errors: String

        /// The output as text.
        var text: String { String(decoding: output, as: UTF8.self) }

        /// The output's lines, without the last line feed.
        var lines: [String] {
            text.isEmpty ? [] : text.dropLast(text.hasSuffix("\n") ? 1 : 0).components(separatedBy: "\n")
        }
    }

    /// It lies beside the test bundle.
    static let path: String = {
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        let products = bundle?.deletingLastPathComponent() ?? Bundle.main.executableURL!.deletingLastPathComponent()
        let path = products.appendingPathComponent("kvtool").path
        precondition(FileManager.default.isExecutableFile(atPath: path), "no kvtool at \(path)")
        return path
    }()

    /// Runs the tool to its end.
    ///
    /// - Parameter input: What its standard input gives; nothing if `nil`.
    static func run(_ arguments: String..., input: [UInt8]? = nil) throws -> Outcome {
        try run(path, arguments, input: input)
    }

    /// Runs a shell script to its end, with the tool as `$0`.
    static func shell(_ script: String, _ arguments: String...) throws -> Outcome {
        try shell(script, arguments)
    }

    /// Runs a shell script to its end, with the tool as `$0` and the arguments as `$@`.
    static func shell(_ script: String, _ arguments: [String]) throws -> Outcome {
        try run("/bin/sh", ["-c", script, path] + arguments, input: nil)
    }

    private static func run(_ executable: String, _ arguments: [String], input: [UInt8]?) throws -> Outcome {
        // Files rather than pipes: nothing fills up while we wait.
        let scratch = ScratchDirectory()
        let (output, errors) = (scratch.path + "/output", scratch.path + "/errors")
        for file in [output, errors] { try Data().write(to: URL(fileURLWithPath: file)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        process.standardInput = FileHandle.nullDevice
        if let input {
            try Data(input).write(to: URL(fileURLWithPath: scratch.path + "/input"))
            process.standardInput = FileHandle(forReadingAtPath: scratch.path + "/input")
        }
        try process.runToEnd()
        return Outcome(
            status: process.terminationStatus, output: try bytes(of: output),
            errors: String(decoding: try bytes(of: errors), as: UTF8.self))
    }
}

extension Process {
    /// Starts the process and waits for its end.
    func runToEnd() throws {
        let ended = DispatchSemaphore(value: 0)
        terminationHandler = { _ in ended.signal() }
        try run()
        ended.wait()
    }
}

/// A directory that no other test uses; it goes with the last reference.
final class ScratchDirectory: Sendable {
    /// The directory, which exists.
    let path: String

    init() {
        path = NSTemporaryDirectory() + "kvtool-test." + UUID().uuidString
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            fatalError("no directory for a test: \(error)")
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A path in the directory where nothing is.
    var store: String { path + "/store" }
}

/// A file's bytes.
func bytes(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Whether a file or directory is there.
func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
}

/// Decodes a JSON text.
func decode<Value: Decodable>(_ type: Value.Type, _ text: some StringProtocol) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}

/// Decodes a JSON text.
func decode<Value: Decodable>(_ text: some StringProtocol) throws -> Value {
    try decode(Value.self, text)
}
