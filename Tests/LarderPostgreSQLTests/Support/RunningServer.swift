#if PostgreSQL
    import Dispatch
    import Foundation

    /// A server's process, which ends with the test's at the latest, however that ends.
    final class RunningServer: Sendable {
        private let process: Process
        private let input = Pipe()
        private let ended = DispatchSemaphore(value: 0)

        /// Starts the server.
        ///
        /// - Parameter log: The file to which it writes.
        init(_ command: [String], log: String) throws {
            // A shell that becomes the server, and leaves another behind: when its input ends, the server gets SIGQUIT, which has it go at once.
            process = try Self.shell("exec 3<&0; (read -r _ <&3; kill -QUIT $$) & exec \"$@\" 3<&-", command, log: log)
            process.standardInput = input
            process.terminationHandler = { [ended] _ in ended.signal() }
            try process.run()
        }

        /// Ends it and waits until it has ended.
        func kill() {
            try? input.fileHandleForWriting.close()
            ended.wait()
        }

        /// Runs what prepares a server to its end.
        static func initialize(_ command: [String], log: String) async throws {
            let shell = try shell("exec \"$@\"", command, log: log)
            try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
                shell.terminationHandler = { _ in ended.resume() }
                do {
                    try shell.run()
                } catch {
                    ended.resume(throwing: error)
                }
            }
            guard shell.terminationStatus == 0 else { throw Failure(log: log) }
        }

        /// What a server that does not work has said.
        struct Failure: Error {
            var output: String

            init(log: String) {
                output = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            }
        }

        /// A shell that is to run a command in a directory that everyone may enter.
        private static func shell(_ script: String, _ command: [String], log: String) throws -> Process {
            if !FileManager.default.fileExists(atPath: log) { try Data().write(to: URL(fileURLWithPath: log)) }
            let output = FileHandle(forWritingAtPath: log)
            _ = try output?.seekToEnd()
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = ["-c", script, "sh"] + command
            shell.currentDirectoryURL = URL(fileURLWithPath: "/")
            shell.standardInput = FileHandle.nullDevice
            shell.standardOutput = output
            shell.standardError = output
            return shell
        }
    }
#endif
