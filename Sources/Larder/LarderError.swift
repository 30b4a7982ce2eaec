internal import LMDB

/// An error of Larder.
///
/// `code` says what happened and is what programs compare; `underlyingError` is the cause where there is one. The texts never contain
/// bytes of keys or values: a key appears as its 64-bit hash, which `kvtool scan --hash` can find again.
public struct LarderError: Error, Sendable {
    /// What happened.
    public var code: Code
    /// What happened, in a sentence.
    public var message: String
    /// The cache concerned, where one is.
    public var cacheName: String?
    /// The hash of the key concerned, where one is: XXH3-64 of the encoded key, seeded per store and cache.
    public var keyHash: UInt64?
    /// What caused it, where something else did.
    public var underlyingError: (any Error)?

    /// Makes an error.
    public init(
        _ code: Code, _ message: String, cacheName: String? = nil, keyHash: UInt64? = nil,
        underlyingError: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.cacheName = cacheName
        self.keyHash = keyHash
        self.underlyingError = underlyingError
    }

    /// What a ``LarderError`` is about. Later versions may add codes, so a `switch` needs a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidKey, invalidCacheName, invalidOption, invalidExpiration
            case storeNotFound, notAStore, newerFormat, durabilityMismatch, purposeMismatch, unflushed, alreadyOpen,
                closed, forked
            case codingMismatch, newerCacheVersion, cacheNotFound, cacheDropped, tooManyCaches
            case damagedRecord, damagedStore, undecodableValue, undecodableKey
            case nestedWrite, writeInsideRead, otherStore, transactionTooLarge, valueTooLarge
            case overflow, alreadyExists, snapshotExpired, diskFull, diskBudgetExceeded, fileSystem, tooManyReaders,
                busy
            case outcomeUnknown, reopenNeeded, sourceTimedOut
        }

        private let value: Value

        private init(_ value: Value) {
            self.value = value
        }

        /// The code's name.
        public var description: String {
            value.rawValue
        }
    }
}

extension LarderError.Code {
    /// A key is empty once encoded, or longer than 511 bytes. Nothing was read or written.
    public static let invalidKey = Self(.invalidKey)
    /// A cache's name is empty, longer than 255 bytes of UTF-8, or holds a NUL.
    public static let invalidCacheName = Self(.invalidCacheName)
    /// An option is out of its range.
    public static let invalidOption = Self(.invalidOption)
    /// A time to live is not positive.
    public static let invalidExpiration = Self(.invalidExpiration)
    /// There is no store in that directory, and the options say not to make one.
    public static let storeNotFound = Self(.storeNotFound)
    /// The directory holds a file of that name that is not a Larder store.
    public static let notAStore = Self(.notAStore)
    /// The store, or a record in it, was written in a format newer than this version knows. Nothing was changed.
    public static let newerFormat = Self(.newerFormat)
    /// Another process has the store open with another ``Durability``.
    public static let durabilityMismatch = Self(.durabilityMismatch)
    /// The store was made for another ``StorePurpose``: as a cache, which evicts, or as a store, which does not.
    public static let purposeMismatch = Self(.purposeMismatch)
    /// The store was last opened as ``Durability/rebuildable(afterPowerCut:)``, and the machine went down meanwhile: the file may be
    /// anything. Open it so again, or check it with `kvtool verify`.
    public static let unflushed = Self(.unflushed)
    /// This process has the store open already; use that ``Store``.
    public static let alreadyOpen = Self(.alreadyOpen)
    /// The store was closed.
    public static let closed = Self(.closed)
    /// The process was forked after the store was opened; only the parent may use it. The child opens its own.
    public static let forked = Self(.forked)
    /// The cache was made with another key or value coding.
    public static let codingMismatch = Self(.codingMismatch)
    /// The cache holds records of a later version than it was opened with.
    public static let newerCacheVersion = Self(.newerCacheVersion)
    /// There is no cache of that name.
    public static let cacheNotFound = Self(.cacheNotFound)
    /// The cache was dropped, here or by another process.
    public static let cacheDropped = Self(.cacheDropped)
    /// The store was opened for fewer caches; see ``StoreOptions/maximumCaches``.
    public static let tooManyCaches = Self(.tooManyCaches)
    /// A record's checksum or header does not fit its bytes. The rest of the store stays readable.
    public static let damagedRecord = Self(.damagedRecord)
    /// A page of the file, or the store's own description, is damaged.
    public static let damagedStore = Self(.damagedStore)
    /// A record is undamaged, but the cache's coding cannot decode its value.
    public static let undecodableValue = Self(.undecodableValue)
    /// A key is in the store that the cache's coding cannot decode.
    public static let undecodableKey = Self(.undecodableKey)
    /// A write was begun inside the body of another write. It would wait for itself.
    public static let nestedWrite = Self(.nestedWrite)
    /// A write, or a close, was asked for inside the body of a read on the same thread.
    public static let writeInsideRead = Self(.writeInsideRead)
    /// A cache was used in a transaction or snapshot of another store.
    public static let otherStore = Self(.otherStore)
    /// One transaction changed more pages than LMDB can hold at a time (about 500 MB). It was undone alone.
    public static let transactionTooLarge = Self(.transactionTooLarge)
    /// A value is longer than 2 GiB, or in a cache with a budget on disk than an eighth of that.
    public static let valueTooLarge = Self(.valueTooLarge)
    /// A counter would not fit its type. Nothing was written.
    public static let overflow = Self(.overflow)
    /// A snapshot was used for longer than ``StoreOptions/maximumSnapshotAge`` allows.
    public static let snapshotExpired = Self(.snapshotExpired)
    /// There is a store in the directory that a backup was to be written to.
    public static let alreadyExists = Self(.alreadyExists)
    /// The disk is full. Nothing of the transaction was written; reads go on.
    public static let diskFull = Self(.diskFull)
    /// A transaction found no room in the budget on disk: it writes about half of it, or a reader keeps pages that were freed from being used
    /// again. Nothing of it was written; what only removes goes through.
    public static let diskBudgetExceeded = Self(.diskBudgetExceeded)
    /// The operating system refused; see the underlying error.
    public static let fileSystem = Self(.fileSystem)
    /// Every reader slot of the store is taken.
    public static let tooManyReaders = Self(.tooManyReaders)
    /// Another process holds what is needed.
    public static let busy = Self(.busy)
    /// A commit failed at its last step: whether it will be there after a power cut is unknown. Memory holds nothing for its keys. Or a
    /// source may or may not have applied a write, and its cache holds nothing for the key.
    public static let outcomeUnknown = Self(.outcomeUnknown)
    /// A commit failed at its last step before; close the store and open it again.
    public static let reopenNeeded = Self(.reopenNeeded)
    /// A source did not answer in the time that the options give it.
    public static let sourceTimedOut = Self(.sourceTimedOut)
}

extension LarderError: CustomStringConvertible {
    /// The message with the cache, the key's hash and the cause.
    public var description: String {
        var text = message
        if let cacheName { text += ", cache '\(cacheName)'" }
        if let keyHash { text += ", key hash \(hexadecimal(keyHash))" }
        if let underlyingError { text += " (\(underlyingError))" }
        return text
    }
}

/// 16 hexadecimal digits, as key hashes are written everywhere.
package func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

extension LarderError {
    /// What an error of the layer below means to a user of the store at `path`.
    init(_ error: LMDBError, path: String) {
        let (code, message): (Code, String) =
            switch error.code {
            case .flushingMismatch: (.durabilityMismatch, "another process has the store open with another durability")
            case .outcomeUnknown:
                (.outcomeUnknown, "the commit failed at its last step; it may or may not be there after a power cut")
            case .unflushed: (.unflushed, "the machine went down while the store was open and not flushed")
            case .closed: (.closed, "the store is closed")
            case .alreadyOpen: (.alreadyOpen, "the store is already open in this process")
            case .forked: (.forked, "the process was forked after the store was opened")
            case .nestedWrite: (.nestedWrite, "a write was begun inside another write")
            case .insideRead: (.writeInsideRead, "not possible inside the body of a read")
            case .invalidKeyLength: (.invalidKey, "a key is empty or longer than \(Environment.maximumKeyLength) bytes")
            case .invalid, .versionMismatch, .unknownLayout: (.notAStore, "the file is not a Larder store")
            case .corrupted, .pageNotFound: (.damagedStore, "a page of the store is damaged")
            case .tablesFull: (.tooManyCaches, "the store was opened for fewer caches")
            case .readersFull: (.tooManyReaders, "every reader slot of the store is taken")
            case .transactionFull: (.transactionTooLarge, "the transaction changes too many pages")
            case .panic: (.reopenNeeded, "a commit failed at its last step; the store must be closed and opened again")
            case .badTable: (.cacheDropped, "the cache was dropped")
            case .noSuchFile: (.storeNotFound, "there is no store at '\(path)'")
            case .fileExists: (.alreadyExists, "there is a store in '\(path)' already")
            case .noSpace: (.diskFull, "the disk is full")
            case .inputOutput where FileSystem.isFull(at: path): (.diskFull, "the disk is full")
            case .wouldDeadlock: (.busy, "another process holds the store's lock while it waits for ours")
            default: (.fileSystem, "the store at '\(path)' could not be read or written")
            }
        self.init(code, message, underlyingError: error)
    }
}

/// Runs `body`, turning an error of the layer below into one of Larder's.
@inline(__always)
func translatingErrors<Result: ~Copyable>(at path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as LMDBError {
        throw LarderError(error, path: path)
    }
}
