#if PostgreSQL
    import Foundation
    import LarderPostgreSQL
    import Synchronization

    /// A server of a test's own: a new cluster in a directory of its own, reached over a socket there and over nothing else.
    ///
    /// The server refuses to run as root, so a test that does starts it as `postgres`, or else as `nobody`.
    final class PostgreSQLServer: Sendable {
        /// Why there can be none here; `nil` if there can.
        static let impossibility: String? = {
            if binaries == nil { return "PostgreSQL's server is not installed; `make test-postgresql` installs it" }
            if prefix == nil {
                return "PostgreSQL's server does not run as root, and there is nobody else to run it as"
            }
            return nil
        }()

        /// The folders of `PATH`.
        private static let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(
            String.init)

        /// The folder of `initdb` and `postgres`, which Debian does not have in the path.
        private static let binaries: String? = {
            let debian = "/usr/lib/postgresql"
            let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []
            let newestFirst = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
            return folder(of: ["initdb", "postgres"], among: path + newestFirst.map { "\(debian)/\($0)/bin" })
        }()

        private static func folder(of programs: [String], among folders: [String]) -> String? {
            folders.first { folder in
                programs.allSatisfy { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
            }
        }

        /// Who runs the server instead of root.
        private static let user: (id: uid_t, group: gid_t)? = {
            for name in ["postgres", "nobody"] {
                if let entry = unsafe getpwnam(name) { return unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid) }
            }
            return nil
        }()

        /// What comes before a command so that it does not run as root; `nil` if nothing can.
        private static let prefix: [String]? = {
            guard geteuid() == 0 else { return [] }
            guard let user, folder(of: ["setpriv"], among: path) != nil else { return nil }
            return ["setpriv", "--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups"]
        }()

        /// What to connect with.
        let parameters: String
        private let directory: String
        private let running = Mutex<RunningServer?>(nil)

        /// Makes a cluster and starts its server.
        init() async throws {
            directory = try Self.makeDirectory()
            parameters = "host=\(directory) dbname=postgres user=larder"
            let template = try await Self.template.value
            try await RunningServer.initialize(
                Self.command("cp", "-R", "-p", "\(template)/data", directory), log: log)
            try await start()
        }

        // MARK: The cluster that each server begins with

        /// A cluster is made once and then copied: making one takes longer than a test does.
        private static let template = Task {
            let directory = try makeDirectory()
            templateDirectory.withLock { $0 = directory }
            atexit {
                if let directory = PostgreSQLServer.templateDirectory.withLock({ $0 }) {
                    try? FileManager.default.removeItem(atPath: directory)
                }
            }
            try await RunningServer.initialize(
                command(
                    "\(binaries ?? "")/initdb", "-D", "\(directory)/data", "--username=larder", "--auth=trust",
                    "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"), log: directory + "/log")
            return directory
        }

        /// Where it is, for whoever removes it when the process ends.
        private static let templateDirectory = Mutex<String?>(nil)

        /// A new directory of the server's user. A socket's path has room for about a hundred bytes, which is why it is not in a longer temporary
        /// directory.
        private static func makeDirectory() throws -> String {
            let path = "/tmp/larder-postgresql.\(UInt32.random(in: .min ... .max))"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            if geteuid() == 0, let user { unsafe chown(path, user.id, user.group) }
            return path
        }

        // MARK: Running

        deinit {
            kill()
            try? FileManager.default.removeItem(atPath: directory)
        }

        /// Starts the server and waits until it answers.
        func start() async throws {
            let server = try RunningServer(
                Self.command(
                    "\(Self.binaries ?? "")/postgres", "-D", "\(directory)/data", "-c", "listen_addresses=", "-c",
                    "unix_socket_directories=\(directory)",
                    "-c", "fsync=off", "-c", "shared_buffers=16MB"), log: log)
            running.withLock { $0 = server }
            let database = try PostgreSQLDatabase(parameters, connections: 1)
            let deadline = ContinuousClock.now + .seconds(60)
            while true {
                do {
                    try await database.execute("SELECT 1")
                    return
                } catch {
                    guard ContinuousClock.now < deadline else { throw RunningServer.Failure(log: log) }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }

        /// Ends the server at once, as a crash would: what it was doing it has not done.
        func kill() {
            running.withLock { $0.take() }?.kill()
        }

        /// Stops one of the server's processes where it stands, or lets it go on.
        func hold(process: String, _ isHeld: Bool) {
            guard let process = pid_t(process), process > 0 else { return }
            Foundation.kill(process, isHeld ? SIGSTOP : SIGCONT)
        }

        private var log: String {
            "\(directory)/log"
        }

        /// A command that does not run as root.
        private static func command(_ program: String, _ arguments: String...) -> [String] {
            (prefix ?? []) + [program] + arguments
        }
    }
#endif
