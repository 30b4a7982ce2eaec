import ArgumentParser
import Larder

/// `kvtool set`: sets the value of a key.
struct SetValue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set the value of a key.",
        discussion: """
            Makes the store if there is none, and the cache, with UTF-8 keys and values of any bytes. When the command is done, the value is \
            on the disk, and a running service sees it. The entry never expires unless told otherwise, whatever the service's default.

            kvtool set /var/lib/app/larder greeting hello
            kvtool set /var/lib/app/larder photo < photo.jpg
            kvtool set /var/lib/app/larder session-7 token --expires-in 12h
            """)

    @OptionGroup var store: StoreArguments

    @Argument(help: "The key.")
    var key: String

    @Argument(help: "The value. Standard input, to its end, if there is none.")
    var value: String?

    @OptionGroup var cache: CacheArguments

    @Option(help: ArgumentHelp("How long the entry lives: 90s, 15m, 12h or 30d.", valueName: "time"))
    var expiresIn: TimeSpan?

    @OptionGroup var format: FormatArguments

    func run() async throws {
        let value = try valueBytes()
        let store = try openStore()
        defer { try? store.close() }
        let cache = try openCache(in: store)
        let key = try cache.keys.key(key)
        if ["utf8", "json"].contains(cache.description.valueCoding), String(validating: value, as: UTF8.self) == nil {
            throw Failure(.usage, "the cache's values are \(cache.description.valueCoding), and the value is not UTF-8")
        }
        try await cache.records.set(value, for: key, expires: expiresIn.map { .after($0.duration) } ?? .never)
        guard format.json else { return }
        var output = StandardOutput()
        try output.write(
            .object([
                ("cache", .string(cache.description.name)), JSON.member(key: key, cache.keys),
                ("bytes", .integer(value.count)),
            ]))
        try output.flush()
    }

    private func valueBytes() throws -> [UInt8] {
        var bytes = try value.map { Array($0.utf8) } ?? FileDescriptor.standardInput.readToEnd()
        guard cache.hex else { return bytes }
        if value == nil { bytes.removeAll { [0x20, 0x09, 0x0a, 0x0d].contains($0) } }
        guard let decoded = Hexadecimal.decode(bytes) else {
            throw Failure(.usage, "the value is not an even number of hexadecimal digits")
        }
        return decoded
    }

    /// A key that cannot be set must not leave a new store behind.
    private func openStore() throws -> Store {
        do {
            return try store.openExisting()
        } catch let error as LarderError where error.code == .storeNotFound {
            _ = try KeyFormat(coding: StringCoding().identifier, isHexadecimal: cache.hex).key(key)
            return try store.openOrCreate()
        }
    }

    private func openCache(in store: Store) throws -> OpenCache {
        do {
            return try cache.open(in: store)
        } catch let error as LarderError where error.code == .cacheNotFound {
            _ = try KeyFormat(coding: StringCoding().identifier, isHexadecimal: cache.hex).key(key)
            _ = try store.cache(cache.cache, key: .string, value: .bytes)
            return try cache.open(in: store)
        }
    }
}
