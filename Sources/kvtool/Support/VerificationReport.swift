import Larder

/// What a verification has found, in words.
struct VerificationReport {
    /// The caches that were asked about.
    let caches: [StoreVerification.CacheContents]
    private let records: [StoreVerification.DamagedRecord]
    private let problems: [String]
    private let pages: (used: UInt64, free: UInt64, lost: UInt64)
    private let journal: JournalVerification?

    /// - Parameters:
    ///   - cache: The cache that was asked about; all of them if `nil`. What is wrong with pages concerns every cache.
    ///   - journal: What a comparison with a replay's journal gave.
    init(_ verification: StoreVerification, cache: String?, journal: JournalVerification?) {
        caches = verification.caches.filter { cache == nil || $0.name == cache }
        records = verification.damagedRecords.filter { cache == nil || $0.cacheName == cache }
        problems = verification.problems
        pages = verification.pages
        self.journal = journal
    }

    private var damagedRecords: Int { caches.reduce(0) { $0 + $1.damagedRecords } }

    /// What is wrong, in a few words; `nil` if nothing is.
    var findings: String? {
        var findings: [String] = []
        if damagedRecords > 0 { findings.append(Quantity.count(damagedRecords, "record") + " damaged") }
        if !problems.isEmpty { findings.append(Quantity.count(problems.count, "other problem")) }
        if let journal, journal.lost > 0 {
            findings.append(Quantity.count(journal.lost, "acknowledged write") + " lost")
        }
        if let journal, journal.wrong > 0 { findings.append(Quantity.count(journal.wrong, "wrong value")) }
        return findings.isEmpty ? nil : findings.joined(separator: ", ")
    }

    /// For people: a line for each thing that is wrong, then the counts.
    ///
    /// - Parameter showsKeys: Whether damaged records' keys are shown, as hexadecimal digits.
    func text(showsKeys: Bool) -> String {
        var text = ""
        for problem in problems { text += "damaged: \(problem)\n" }
        for record in records {
            text += "damaged: \(record.problem), cache '\(record.cacheName)', key hash \(hexadecimal(record.keyHash))"
            text += showsKeys ? ", key \(Hexadecimal.text(record.key))\n" : "\n"
        }
        if damagedRecords > records.count {
            text += "damaged: \(Quantity.count(damagedRecords - records.count, "more record"))\n"
        }
        if !text.isEmpty { text += "\n" }
        var table = TextTable([.left, .right, .right, .right])
        table.add("CACHE", "RECORDS", "VALUES", "DAMAGED")
        for cache in caches {
            table.add(
                String(decoding: Escaping.escape(Array(cache.name.utf8)), as: UTF8.self),
                Quantity.count(cache.records), Quantity.bytes(cache.payloadBytes),
                Quantity.count(cache.damagedRecords))
        }
        if !caches.isEmpty { text += table.text + "\n" }
        text += "pages: \(pages.used) used, \(pages.free) free" + (pages.lost > 0 ? ", \(pages.lost) lost\n" : "\n")
        if let journal {
            text += "wrong values: \(journal.wrong)\nacknowledged: \(journal.acknowledged)\nlost: \(journal.lost)\n"
        }
        return text
    }

    /// For programs: the same as one object.
    func json(store: String) -> JSON {
        var members: [(name: String, value: JSON)] = [
            ("store", .string(store)),
            ("sound", .bool(findings == nil)),
            ("caches", .array(caches.map(Self.json))),
            ("damaged_records", .array(records.map(Self.json))),
            ("problems", .array(problems.map { .string($0) })),
            (
                "pages",
                .object([
                    ("used", .integer(pages.used)), ("free", .integer(pages.free)), ("lost", .integer(pages.lost)),
                ])
            ),
        ]
        if let journal {
            members += [
                ("wrong_values", .integer(journal.wrong)), ("acknowledged", .integer(journal.acknowledged)),
                ("lost", .integer(journal.lost)),
            ]
        }
        return .object(members)
    }

    private static func json(_ cache: StoreVerification.CacheContents) -> JSON {
        .object([
            ("name", .string(cache.name)), ("records", .integer(cache.records)),
            ("payload_bytes", .integer(cache.payloadBytes)), ("damaged", .integer(cache.damagedRecords)),
        ])
    }

    private static func json(_ record: StoreVerification.DamagedRecord) -> JSON {
        .object([
            ("cache", .string(record.cacheName)), ("key_hash", .string(hexadecimal(record.keyHash))),
            ("key_hex", .string(Hexadecimal.text(record.key))), ("problem", .string(record.problem)),
        ])
    }
}
