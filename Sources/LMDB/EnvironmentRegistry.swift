internal import Synchronization

/// The files that this process has open as environments.
///
/// LMDB silently accepts a second open of a file in one process, and closing either drops the locks of both. Files are told apart by
/// device and inode, since one file has many paths.
enum EnvironmentRegistry {
    private struct State {
        var files: Set<FileSystem.Identity> = []
        /// The forks before the process that opened them.
        var forks = 0
    }

    private static let open = Mutex(State())

    /// Runs `body`, which opens an environment, while nobody else in this process opens or closes one.
    static func opening<Result>(
        _ body: (_ open: inout Set<FileSystem.Identity>) throws -> sending Result
    ) throws -> sending Result {
        try open.withLock { open in
            if open.forks != ForkDetection.generation {
                // A forked child has inherited the list, but the files are its parent's.
                open = State(forks: ForkDetection.generation)
            }
            return try body(&open.files)
        }
    }

    /// Runs `close` and forgets the files.
    static func closing(_ identities: [FileSystem.Identity], _ close: () -> Void) {
        open.withLock { open in
            close()
            open.files.subtract(identities)
        }
    }
}
