internal import Synchronization

/// The files that this process has open as environments.
///
/// LMDB silently accepts a second open of a file in one process, and closing either drops the locks of both. Files are told apart by
/// device and inode, since one file has many paths.
enum EnvironmentRegistry {
    private static let open = Mutex<Set<FileSystem.Identity>>([])

    /// Runs `body`, which opens an environment, while nobody else in this process opens or closes one.
    static func opening<Result>(
        _ body: (_ open: inout Set<FileSystem.Identity>) throws -> sending Result
    ) throws -> sending Result {
        try open.withLock { open in try body(&open) }
    }

    /// Runs `close` and forgets the files.
    static func closing(_ identities: [FileSystem.Identity], _ close: () -> Void) {
        open.withLock { open in
            close()
            open.subtract(identities)
        }
    }
}
