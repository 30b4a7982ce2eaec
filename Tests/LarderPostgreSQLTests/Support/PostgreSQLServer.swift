#if PostgreSQL
    import Foundation

    /// A server of a test's own: a new cluster in a directory of its own, reached over a socket there and over nothing else.
    ///
    /// The server refuses to run as root, so a test that does starts it as `postgres`, or else as `nobody`.
    final class PostgreSQLServer: Sendable {
        /// Why there can be none here; `nil` if there can.
        static let impossibility: String? = {
            if binaries == nil {
                return "PostgreSQL's server is not installed; `make test-postgresql` installs it"
            }
            if geteuid() == 0, prefix == nil {
                return "PostgreSQL's server does not run as root, and there is nobody else to run it as"
            }
            return nil
        }()

        /// The folder of `initdb` and `pg_ctl`, which Debian does not have in the path.
        private static let binaries: String? = {
            let debian = "/usr/lib/postgresql"
            let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []
            let newestFirst = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            let folders = path.split(separator: ":").map(String.init) + newestFirst.map { "\(debian)/\($0)/bin" }
            return folders.first { folder in
                ["initdb", "pg_ctl", "postgres"].allSatisfy {
                    FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
                }
            }
        }()

        /// Who runs the server instead of root.
        private static let user: (name: String, id: uid_t, group: gid_t)? = {
            for name in ["postgres", "nobody"] {
                if let entry = unsafe getpwnam(name) {
                    return unsafe (name, entry.pointee.pw_uid, entry.pointee.pw_gid)
                }
            }
            return nil
        }()

        /// What comes before a command so that it runs as that user.
        private static let prefix: [String]? = {
            guard geteuid() == 0 else { return [] }
            guard let user, let help = try? output(of: ["setpriv", "--help"]), !help.isEmpty else { return nil }
            return ["setpriv", "--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups"]
        }()

        /// What to connect with.
        let parameters: String
        private let directory: String

        /// Makes a cluster and starts its server.
        init() throws {
            // A socket's path has room for about a hundred bytes, which is why this is not in a longer temporary directory.
            directory = "/tmp/larder-postgresql.\(UInt32.random(in: .min ... .max))"
            parameters = "host=\(directory) dbname=postgres user=larder"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            if geteuid() == 0, let user = Self.user { unsafe chown(directory, user.id, user.group) }
            try run("initdb", "--username=larder", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
            try start()
        }

        deinit {
            try? kill()
            try? FileManager.default.removeItem(atPath: directory)
        }

        /// Starts the server and waits until it answers.
        func start() throws {
            let options =
                "-c listen_addresses='' -c unix_socket_directories='\(directory)' -c fsync=off -c shared_buffers=16MB"
            try run("pg_ctl", "start", "--wait", "--log=\(directory)/log", "--options=\(options)")
        }

        /// Ends the server at once, as a crash would.
        func kill() throws {
            try run("pg_ctl", "stop", "--mode=immediate")
        }

        /// Stops one of the server's processes where it stands, or lets it go on.
        func hold(process: String, _ isHeld: Bool) {
            guard let process = pid_t(process), process > 0 else { return }
            Foundation.kill(process, isHeld ? SIGSTOP : SIGCONT)
        }

        private func run(_ command: String, _ arguments: String...) throws {
            let arguments = arguments + ["--pgdata=\(directory)/data"]
            try Self.output(of: (Self.prefix ?? []) + ["\(Self.binaries ?? "")/\(command)"] + arguments)
        }

        /// What a command that did not do what it should has said.
        struct Failure: Error {
            var command: String
            var output: String
        }

        @discardableResult
        private static func output(of command: [String]) throws -> String {
            // A file, since the server inherits it: a pipe would not end before the server does.
            let file = "/tmp/larder-postgresql-output.\(UInt32.random(in: .min ... .max))"
            try Data().write(to: URL(fileURLWithPath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            process.currentDirectoryURL = URL(fileURLWithPath: "/")
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle(forWritingAtPath: file)
            process.standardError = process.standardOutput
            try process.run()
            process.waitUntilExit()
            let output = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
            guard process.terminationStatus == 0 else {
                throw Failure(command: command.joined(separator: " "), output: output)
            }
            return output
        }
    }
#endif
