import ArgumentParser
import Larder

/// `kvtool stat`: says what a store holds.
struct Stat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a store holds.",
        discussion: """
            Shows the size of the file and, for each cache, its entries, the size of its pages in the file, and the codings and version \
            that it was made with. What a running service holds in memory is not to be seen from another process.
            """)

    @OptionGroup var store: StoreArguments

    @Option(help: ArgumentHelp("Only this cache.", valueName: "name"))
    var cache: String?

    @OptionGroup var format: FormatArguments

    func validate() throws {
        try cache.map(CacheArguments.validate(name:))
    }

    private struct Row {
        var description: CacheDescription
        var size: CacheSize
    }

    func run() throws {
        let store = try store.openExisting()
        defer { try? store.close() }
        let descriptions = try cache.map { [try store.description(ofCache: $0)] } ?? store.caches()
        let rows = try descriptions.map { Row(description: $0, size: try store.size(ofCache: $0.name)) }
        let file = try store.statistics().durable
        var output = StandardOutput()
        if format.json {
            try output.write(json(rows, file))
        } else {
            try output.write(text(rows, file))
        }
        try output.flush()
    }

    private func text(_ rows: [Row], _ file: DurableTierStatistics) -> String {
        var table = TextTable([.left, .right, .right, .left, .left, .right])
        table.add("CACHE", "ENTRIES", "SIZE", "KEYS", "VALUES", "VERSION")
        for row in rows {
            table.add(
                String(decoding: Escaping.escape(Array(row.description.name.utf8)), as: UTF8.self),
                Quantity.count(row.size.entries), Quantity.bytes(row.size.fileBytes), row.description.keyCoding,
                row.description.valueCoding, "\(row.description.version)")
        }
        var summary = "\(store.store): \(Quantity.count(rows.count, "cache")), \(Quantity.bytes(file.fileBytes))\n"
        if let budget = file.diskBudget {
            summary +=
                "A cache: of a budget of \(Quantity.bytes(budget)), \(Quantity.bytes(file.usedBytes)) are in use.\n"
        }
        if file.readerLag > 0 {
            summary +=
                "The oldest reader is \(Quantity.count(file.readerLag, "commit")) behind; pages freed since are kept.\n"
        }
        return rows.isEmpty ? summary : summary + "\n" + table.text
    }

    private func json(_ rows: [Row], _ file: DurableTierStatistics) -> JSON {
        .object([
            ("store", .string(store.store)),
            ("file_bytes", .integer(file.fileBytes)),
            ("used_bytes", .integer(file.usedBytes)),
            ("disk_budget_bytes", file.diskBudget.map { .integer($0) } ?? .null),
            ("map_bytes", .integer(file.mapSize)),
            ("reader_lag", .integer(file.readerLag)),
            (
                "caches",
                .array(
                    rows.map { row in
                        .object([
                            ("name", .string(row.description.name)),
                            ("entries", .integer(row.size.entries)),
                            ("file_bytes", .integer(row.size.fileBytes)),
                            ("key_coding", .string(row.description.keyCoding)),
                            ("value_coding", .string(row.description.valueCoding)),
                            ("version", .integer(row.description.version)),
                            ("created_ms", .integer(row.description.createdMillisecondsSince1970)),
                        ])
                    })
            ),
        ])
    }
}
