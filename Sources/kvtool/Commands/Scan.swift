import ArgumentParser
import Larder

/// `kvtool scan`: prints entries in the order of their keys.
struct Scan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print entries in the order of their keys.",
        discussion: """
            Prints a line for each entry: key, tab, value. Backslash, tab and newline are written as \\\\, \\t and \\n, what is not text as \
            \\x and two hexadecimal digits. With --json each line is an object, whose member 'key' or 'value' is named 'key_hex' or \
            'value_hex' where it is not text.

            Entries are read in batches, so that a slow reader of the output keeps no old pages of the store alive: a scan beside a \
            writer is not a snapshot. A damaged record is named on standard error and passed over, and the exit code is 65.

            kvtool scan /var/lib/app/larder --prefix user- --limit 10
            kvtool scan /var/lib/app/larder --cache orders --from 1000 --to 2000 --json
            """)

    @OptionGroup var store: StoreArguments
    @OptionGroup var cache: CacheArguments

    @Option(help: ArgumentHelp("Only keys that begin with this.", valueName: "key"))
    var prefix: String?

    @Option(help: ArgumentHelp("Only keys from this one on.", valueName: "key"))
    var from: String?

    @Option(help: ArgumentHelp("Only keys before this one.", valueName: "key"))
    var to: String?

    @Option(help: ArgumentHelp("Only the key of this hash, as errors name it, damaged or not.", valueName: "hash"))
    var hash: String?

    @Option(help: ArgumentHelp("At most so many entries.", valueName: "count"))
    var limit: Int?

    @Flag(help: "From the greatest key to the least.")
    var reverse = false

    @Flag(name: .customLong("keys"), help: "Print keys without values.")
    var keysOnly = false

    @OptionGroup var format: FormatArguments

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("The limit is negative") }
        if hash != nil, hashValue == nil { throw ValidationError("A key's hash is 16 hexadecimal digits") }
    }

    private var hashValue: UInt64? {
        hash.flatMap { $0.utf8.count == 16 && Hexadecimal.decode($0.utf8) != nil ? UInt64($0, radix: 16) : nil }
    }

    func run() throws {
        let store = try store.openExisting()
        defer { try? store.close() }
        let cache = try cache.open(in: store)
        var scan = EntryScan(cache.records, order: reverse ? .descending : .ascending)
        scan.copiesPayloads = !keysOnly
        scan.keyHash = hashValue
        scan.prefix = try prefix.map { try bound($0, cache.keys, isPrefix: true) } ?? []
        scan.lower = try from.map { try bound($0, cache.keys) }
        scan.upper = try to.map { try bound($0, cache.keys) }

        var output = StandardOutput()
        var printed = 0
        var damaged = 0
        while printed < limit ?? .max, let batch = try scan.nextBatch() {
            for entry in batch where printed < limit ?? .max {
                if let damage = entry.damage {
                    damaged += 1
                    StandardError.write("Warning: ", damage.description)
                    // Asked for by its hash, a damaged record's key is the answer.
                    if hash == nil { continue }
                }
                try write(entry, cache, &output)
                printed += 1
            }
            try output.flush()
        }
        if damaged > 0 { throw Failure(.damagedData, Quantity.count(damaged, "record") + " damaged") }
        if hash != nil, printed == 0, limit != 0 { throw Failure(.keyNotFound, "no key has this hash") }
    }

    private func bound(_ argument: String, _ keys: KeyFormat, isPrefix: Bool = false) throws -> [UInt8] {
        if isPrefix, ![.text, .hexadecimal].contains(keys) {
            throw Failure(.usage, "keys of this cache have no prefixes; use --from and --to, or --hex")
        }
        let bound = try keys.parse(argument)
        guard bound.count <= KeyFormat.maximumLength else {
            throw Failure(.usage, "a bound has \(bound.count) bytes, more than the longest key")
        }
        return bound
    }

    private func write(_ entry: EntryScan.Entry, _ cache: OpenCache, _ output: inout StandardOutput) throws {
        guard format.json else {
            var line = cache.keys.line(entry.key)
            if let payload = entry.payload {
                line.append(UInt8(ascii: "\t"))
                line += self.cache.hex ? Hexadecimal.encode(payload) : Escaping.escape(payload)
            }
            return try output.write(line + [UInt8(ascii: "\n")])
        }
        var members = [JSON.member(key: entry.key, cache.keys)]
        if let payload = entry.payload {
            members.append(JSON.member("value", payload, isHexadecimal: self.cache.hex))
        }
        if entry.damage == nil {
            members.append(("expires_at_ms", entry.expiry == 0 ? .null : .integer(entry.expiry)))
        } else {
            members.append(("damaged", .bool(true)))
        }
        try output.write(.object(members))
    }
}
