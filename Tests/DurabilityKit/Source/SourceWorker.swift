internal import Larder

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a child process does with a cache that has a source.
public enum SourceWorker {
    /// Where a process that writes through its cache is to die.
    public static var steps: [String] {
        SourceWriteStep.allCases.map(\.rawValue) + FileDatabase.Step.allCases.map(\.rawValue)
    }

    static let cacheName = "sourced"

    /// How long a dead writer's intent is held, from its making, in milliseconds.
    static let patience: UInt64 = 30_000

    static func sourced(
        _ store: Store, _ database: FileDatabase,
        observer: @escaping @Sendable (SourceWriteStep) async -> Void = { _ in
        }
    ) throws -> SourcedCache<FileDatabase> {
        var options = SourceOptions(writeTimeout: .seconds(10), settlement: .seconds(20))
        options.observesWrite = observer
        return try store.cache(cacheName, key: .int, value: .int).through(database, options: options)
    }

    /// Says that it is ready, waits for a line, and lets many tasks ask for few keys.
    public static func ask(
        store path: String, database: String, tasks: Int, keys: Int, say: (String) -> Void
    ) async throws {
        let store = try Store(at: path)
        let sourced = try sourced(store, FileDatabase(at: database, delay: .milliseconds(20)))
        say("ready")
        _ = readLine()
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 0..<tasks {
                group.addTask { try await sourced.value(for: task % keys) != task % keys * 10 }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        say("wrong \(wrong)")
        try store.close()
    }

    /// Sets the value of a key through the cache, or removes it, and dies at a step; says "done" if it lives to.
    public static func write(
        store path: String, database: String, key: Int, value: Int?, until step: String, say: (String) -> Void
    ) async throws {
        let store = try Store(at: path)
        let reader = try sourced(store, FileDatabase(at: database))
        let files = FileDatabase(at: database) { if $0.rawValue == step { kill(getpid(), SIGKILL) } }
        let writer = try sourced(store, files) { reached in
            // A load between the intent and the source's write reads the old value.
            if reached == .intended || reached == .written { _ = try? await reader.value(for: key) }
            if reached.rawValue == step { kill(getpid(), SIGKILL) }
        }
        if let value { try await writer.set(value, for: key) } else { try await writer.remove(key) }
        say("done")
        try store.close()
    }
}
