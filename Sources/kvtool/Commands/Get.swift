import ArgumentParser
import Larder

/// `kvtool get`: prints the value of a key.
struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the value of a key.",
        discussion: """
            Prints the value's bytes as they are, and a newline only on a terminal. In a cache with integer keys the key is a number. \
            Exits 1 if there is no such key, 65 if its record is damaged.

            kvtool get /var/lib/app/larder greeting
            kvtool get /var/lib/app/larder 42 --cache users --json
            """)

    @OptionGroup var store: StoreArguments

    @Argument(help: "The key.")
    var key: String

    @OptionGroup var cache: CacheArguments

    @OptionGroup var format: FormatArguments

    func run() throws {
        let store = try store.openExisting()
        defer { try? store.close() }
        let cache = try cache.open(in: store)
        let key = try cache.keys.key(key)
        guard let record = try cache.records.record(for: key) else {
            throw Failure(.keyNotFound, "there is no such key")
        }
        var output = StandardOutput()
        if format.json {
            try output.write(
                .object([
                    ("cache", .string(cache.description.name)),
                    JSON.member(key: key, cache.keys),
                    JSON.member("value", record.payload, isHexadecimal: self.cache.hex),
                    ("bytes", .integer(record.payload.count)),
                    ("expires_at_ms", record.expiry == 0 ? .null : .integer(record.expiry)),
                ]))
        } else {
            try output.write(self.cache.hex ? Hexadecimal.encode(record.payload) : record.payload)
            if output.isTerminal { try output.write("\n") }
        }
        try output.flush()
    }
}
