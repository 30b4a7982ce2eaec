internal import LMDB

/// What an acknowledged write survives. A store's processes all open it with the same.
///
/// A kill of the process takes nothing in any mode: what was acknowledged is in the system's page cache. The modes differ in what a power
/// cut, or a crash of the operating system, can take.
public enum Durability: Hashable, Sendable {
    /// Everything acknowledged survives: each commit flushes its data, then its meta page. The default.
    case full
    /// A power cut may undo the last commits, in order from the latest back; what is left is whole and undamaged. Each commit flushes once
    /// (`MDB_NOMETASYNC`).
    case relaxed
    /// A power cut may take everything: commits flush nothing (`MDB_NOSYNC`), and the file may be anything afterwards. For data that can be
    /// rebuilt. The store notices when it is opened that the machine went down while there was something unflushed, and does what is said here.
    ///
    /// ``Store/sync()`` makes it safe until the next write, whose pages may overwrite what was flushed.
    case rebuildable(afterPowerCut: Recovery)
    /// As the processes do that have the store open, or ``full`` where there is none. For tools.
    case adopted

    /// What happens to a rebuildable store that was open when the machine went down.
    public enum Recovery: Hashable, Sendable {
        /// The store starts empty.
        case startEmpty
        /// Every page and record is checked, which takes time in proportion to the file. If all are whole the store is kept, otherwise it
        /// starts empty. A page does not say which commit wrote it, so a store that is kept may, rarely, hold whole records of several
        /// commits: of a transaction some and not others.
        case verify
    }
}

extension Durability {
    func apply(to options: inout EnvironmentOptions) {
        switch self {
        case .full: options.flushing = .full
        case .relaxed: options.flushing = .dataOnly
        case .adopted: options.flushing = nil
        case .rebuildable(let recovery):
            options.flushing = EnvironmentOptions.Flushing.none
            switch recovery {
            case .startEmpty: options.recovery = { _ in false }
            case .verify:
                options.recovery = { path in
                    do {
                        return try StoreVerification.run(unopenedAt: path).isHealthy
                    } catch let error as LMDBError where error.code == .invalid {
                        return false
                    } catch let error as LarderError where error.code == .notAStore {
                        return false
                    }
                }
            }
        }
    }
}

extension Store {
    /// Makes everything acknowledged so far durable: one flush of the file. Blocks the calling thread for as long as that takes.
    ///
    /// In a rebuildable store that holds until the next write (see ``Durability/rebuildable(afterPowerCut:)``), and it waits for the writer under way. Where writes go
    /// on all the time it protects nothing there: choose another durability.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/fileSystem``, ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/forked``; in a rebuildable
    ///   store also ``LarderError/Code-swift.struct/nestedWrite`` inside the body of a write and ``LarderError/Code-swift.struct/writeInsideRead`` inside that of
    ///   a read.
    public func sync() throws {
        try checkUsable()
        try translatingErrors(at: path) { try durable.environment.flush() }
    }
}
