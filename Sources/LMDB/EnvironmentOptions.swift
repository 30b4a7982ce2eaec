internal import CLMDB

/// How an ``Environment`` is opened.
package struct EnvironmentOptions: Sendable {
    /// The address space reserved for the file, in bytes. It takes no memory and no disk. Where the process may not have so much, the
    /// reservation is halved until it fits; where the file needs more, it grows.
    package var mapSize: Int
    /// The largest number of tables.
    package var maximumTables: Int
    /// The largest number of read transactions at one time, over all processes. The process that opens the file first decides.
    package var maximumReaders: Int
    /// What a commit flushes; `nil` takes over what the processes do that have the file open, or flushes fully.
    package var flushing: Flushing?
    /// What to do with a file that was not flushed when the machine went down; called with its path while nobody has it open. It returns
    /// whether the file is to be kept; otherwise it is removed. `nil` refuses to open it.
    package var recovery: (@Sendable (_ path: String) throws -> Bool)?

    package init(
        mapSize: Int = 1 << 38, maximumTables: Int = 128, maximumReaders: Int = 1022, flushing: Flushing? = .full,
        recovery: (@Sendable (_ path: String) throws -> Bool)? = nil
    ) {
        self.mapSize = mapSize
        self.maximumTables = maximumTables
        self.maximumReaders = maximumReaders
        self.flushing = flushing
        self.recovery = recovery
    }

    /// What a commit flushes before it returns.
    package enum Flushing: UInt8, Sendable {
        /// Data, then the meta page: two flushes. A commit that returned survives a power cut.
        case full
        /// Data only (`MDB_NOMETASYNC`): a power cut may undo the last commits and never damages the file.
        case dataOnly
        /// Nothing (`MDB_NOSYNC`): a kill loses nothing, a power cut may leave a file that cannot be read.
        case none

        var flags: UInt32 {
            switch self {
            case .full: 0
            case .dataOnly: UInt32(MDB_NOMETASYNC)
            case .none: UInt32(MDB_NOSYNC)
            }
        }
    }
}
