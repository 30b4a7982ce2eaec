import ArgumentParser
import Larder

/// The argument of every command.
struct StoreArguments: ParsableArguments {
    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    func validate() throws {
        if store.isEmpty { throw ValidationError("The store's directory is empty") }
    }

    /// Opens a store that is there, to read it or to write single entries.
    ///
    /// - Throws: `LarderError`, with the code `storeNotFound` where there is none.
    func openExisting() throws -> Store {
        try open(creating: false)
    }

    /// Opens the store, and makes it if it is not there.
    func openOrCreate() throws -> Store {
        try open(creating: true)
    }

    private func open(creating: Bool) throws -> Store {
        Signals.reportCrashesAsDamage()
        // As many caches as a store can have. One command reads an entry once, so memory would only be in the way; and removing what
        // has expired is the service's business.
        let options = StoreOptions(
            purpose: .adopted, memoryCapacity: .bytes(0), durability: .adopted, createsIfMissing: creating,
            maximumCaches: 4_096, removesExpired: false, hotSetInterval: nil)
        return try Store(at: store, options: options)
    }
}

/// The option of every command.
struct FormatArguments: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false
}

/// The options of the commands that work on the entries of one cache.
struct CacheArguments: ParsableArguments {
    /// The name of the cache that is meant where none is given.
    static let defaultName = "default"

    @Option(help: ArgumentHelp("The cache.", valueName: "name"))
    var cache = Self.defaultName

    @Flag(help: "Read and print keys and values as hexadecimal digits.")
    var hex = false

    func validate() throws {
        try Self.validate(name: cache)
    }

    static func validate(name: String) throws {
        guard 1...255 ~= name.utf8.count, !name.utf8.contains(0) else {
            throw ValidationError("A cache's name has 1 to 255 bytes of UTF-8 without NUL")
        }
    }

    /// Opens the cache, which must be there.
    ///
    /// - Throws: `LarderError`, with the code `cacheNotFound` where there is none.
    func open(in store: Store) throws -> OpenCache {
        OpenCache(
            description: try store.description(ofCache: cache), records: try store.rawCache(cache), isHexadecimal: hex)
    }
}

/// A cache of whatever codings, and how its keys are written.
struct OpenCache {
    let description: CacheDescription
    let records: Cache<[UInt8], [UInt8]>
    let keys: KeyFormat

    init(description: CacheDescription, records: Cache<[UInt8], [UInt8]>, isHexadecimal: Bool) {
        self.description = description
        self.records = records
        keys = KeyFormat(coding: description.keyCoding, isHexadecimal: isHexadecimal)
    }
}

extension KeyFormat {
    /// The longest key in bytes.
    static let maximumLength = 511

    /// The encoded key for an argument, checked for what a store can hold.
    ///
    /// - Throws: `Failure` with the code for usage.
    func key(_ argument: String) throws -> [UInt8] {
        let key = try parse(argument)
        guard !key.isEmpty else { throw Failure(.usage, "the key is empty") }
        guard key.count <= Self.maximumLength else {
            throw Failure(
                .usage, "the key has \(key.count) bytes; the longest that a store holds has \(Self.maximumLength)")
        }
        return key
    }
}
