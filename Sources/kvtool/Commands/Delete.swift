import ArgumentParser
import Larder

/// `kvtool delete`: removes a key.
struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove a key.",
        discussion: """
            Exits 1 if there is no such key. A damaged record is removed too: that is how to get rid of one. 'kvtool scan --hash' finds the \
            key of the hash that an error names.
            """)

    @OptionGroup var store: StoreArguments

    @Argument(help: "The key.")
    var key: String

    @OptionGroup var cache: CacheArguments

    @OptionGroup var format: FormatArguments

    func run() async throws {
        let store = try store.openExisting()
        defer { try? store.close() }
        let cache = try cache.open(in: store)
        let key = try cache.keys.key(key)
        // What a damaged record says of itself cannot tell whether it was there.
        let wasDamaged = try isDamaged(key, in: cache)
        let wasThere = try await cache.records.remove(key)
        guard wasThere || wasDamaged else { throw Failure(.keyNotFound, "there is no such key") }
        guard format.json else { return }
        var output = StandardOutput()
        try output.write(
            .object([
                ("cache", .string(cache.description.name)), JSON.member(key: key, cache.keys),
                ("was_damaged", .bool(wasDamaged)),
            ]))
        try output.flush()
    }

    private func isDamaged(_ key: [UInt8], in cache: OpenCache) throws -> Bool {
        do {
            _ = try cache.records.record(for: key)
            return false
        } catch let error as LarderError where error.code == .damagedRecord {
            return true
        }
    }
}
