internal import CLMDB

/// An error of LMDB, of the operating system below it, or of this layer's own rules.
///
/// The `code` says which of the three it is and can be compared with the constants of ``Code-swift.struct``.
@usableFromInline
package struct LMDBError: Error, Hashable, Sendable {
    /// What went wrong.
    package let code: Code
    /// The C function, or the rule of this layer, that refused.
    package let operation: String
    /// The file or directory concerned, where there is one.
    package let path: String?
    /// What the function refused with, where `code` says what that means for the caller.
    package let cause: Code?

    package init(_ code: Code, operation: String, path: String? = nil, cause: Code? = nil) {
        self.code = code
        self.operation = operation
        self.path = path
        self.cause = cause
    }

    /// The kind of an ``LMDBError``: a code of LMDB (negative), an `errno` (positive), or a rule of this layer.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: Int32

        package init(rawValue: Int32) {
            self.rawValue = rawValue
        }
    }
}

extension LMDBError.Code {
    // LMDB's own.

    /// `MDB_KEYEXIST`: the key is already there and the put was told not to overwrite.
    package static var keyExists: Self { .init(rawValue: MDB_KEYEXIST) }
    /// `MDB_NOTFOUND`: no such key, or no such table.
    package static var notFound: Self { .init(rawValue: MDB_NOTFOUND) }
    /// `MDB_PAGE_NOTFOUND`: a page that the tree names is missing, usually damage.
    package static var pageNotFound: Self { .init(rawValue: MDB_PAGE_NOTFOUND) }
    /// `MDB_CORRUPTED`: a page is of the wrong type, or another sign of damage.
    package static var corrupted: Self { .init(rawValue: MDB_CORRUPTED) }
    /// `MDB_PANIC`: a meta page could not be written; the environment must be reopened.
    package static var panic: Self { .init(rawValue: MDB_PANIC) }
    /// `MDB_VERSION_MISMATCH`: the file is of another version of LMDB's format.
    package static var versionMismatch: Self { .init(rawValue: MDB_VERSION_MISMATCH) }
    /// `MDB_INVALID`: the file is no LMDB file.
    package static var invalid: Self { .init(rawValue: MDB_INVALID) }
    /// `MDB_MAP_FULL`: the map is too small for what the transaction writes.
    package static var mapFull: Self { .init(rawValue: MDB_MAP_FULL) }
    /// `MDB_DBS_FULL`: more tables than the environment was opened for.
    package static var tablesFull: Self { .init(rawValue: MDB_DBS_FULL) }
    /// `MDB_READERS_FULL`: every reader slot is taken.
    package static var readersFull: Self { .init(rawValue: MDB_READERS_FULL) }
    /// `MDB_TXN_FULL`: one transaction dirtied more pages than LMDB can hold.
    package static var transactionFull: Self { .init(rawValue: MDB_TXN_FULL) }
    /// `MDB_MAP_RESIZED`: another process grew the map beyond ours.
    package static var mapResized: Self { .init(rawValue: MDB_MAP_RESIZED) }
    /// `MDB_BAD_TXN`: the transaction failed before and can only be aborted.
    package static var badTransaction: Self { .init(rawValue: MDB_BAD_TXN) }
    /// `MDB_BAD_DBI`: the table was dropped or its handle is no longer valid.
    package static var badTable: Self { .init(rawValue: MDB_BAD_DBI) }

    // Rules of this layer. LMDB's codes end at -30,780 and an errno is positive.

    /// The environment is closed.
    package static let closed = Self(rawValue: -1)
    /// The file is already open in this process; LMDB would silently lose both opens' locks.
    package static let alreadyOpen = Self(rawValue: -2)
    /// The process forked after the environment was opened; only the parent may use it.
    package static let forked = Self(rawValue: -3)
    /// A write transaction was begun by a thread that is inside one; LMDB would deadlock.
    package static let nestedWrite = Self(rawValue: -4)
    /// A key is empty or longer than ``Environment/maximumKeyLength``.
    package static let invalidKeyLength = Self(rawValue: -5)
    /// The calling thread holds a read transaction and asked for what must wait for its end.
    package static let insideRead = Self(rawValue: -6)
    /// The file's meta pages are not laid out as those of LMDB 0.9 on this machine.
    package static let unknownLayout = Self(rawValue: -7)
    /// Another process has the file open and flushes differently.
    package static let flushingMismatch = Self(rawValue: -8)
    /// A commit failed at its meta page: whether it will be there after a power cut is unknown.
    package static let outcomeUnknown = Self(rawValue: -10)
    /// The machine went down while the file was open and not flushed.
    package static let unflushed = Self(rawValue: -9)
}

extension LMDBError: CustomStringConvertible {
    @usableFromInline package var description: String {
        "\(operation): \(code.message)" + (cause.map { ": \($0.message)" } ?? "") + (path.map { " (\($0))" } ?? "")
    }
}

extension LMDBError.Code {
    /// What the code means, in words.
    package var message: String {
        switch self {
        case .closed: "the environment is closed"
        case .alreadyOpen: "the file is already open in this process"
        case .forked: "the process forked after the file was opened"
        case .nestedWrite: "a write transaction was begun inside another one"
        case .invalidKeyLength: "a key is empty or too long"
        case .insideRead: "the calling thread is inside a read transaction"
        case .unknownLayout: "the file's meta pages have an unknown layout"
        case .flushingMismatch: "another process has the file open with another durability"
        case .outcomeUnknown: "the commit failed at its last step; it may or may not be there after a power cut"
        case .unflushed: "the machine went down while the file was not flushed"
        default: unsafe String(cString: mdb_strerror(rawValue))
        }
    }
}

/// Throws an ``LMDBError`` unless `result`, the return code of the C function named, is 0.
@inline(__always)
func check(_ result: Int32, _ operation: @autoclosure () -> String, path: String? = nil) throws(LMDBError) {
    if result != 0 {
        throw LMDBError(.init(rawValue: result), operation: operation(), path: path)
    }
}

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension LMDBError.Code {
    // Of the operating system.

    /// `ENOENT`.
    package static var noSuchFile: Self { .init(rawValue: ENOENT) }
    /// `EEXIST`.
    package static var fileExists: Self { .init(rawValue: EEXIST) }
    /// `ENOSPC`.
    package static var noSpace: Self { .init(rawValue: ENOSPC) }
    /// `EIO`, which LMDB also gives for a short write.
    package static var inputOutput: Self { .init(rawValue: EIO) }
    /// `EDEADLK`: two processes wait for each other's locks.
    package static var wouldDeadlock: Self { .init(rawValue: EDEADLK) }
}
