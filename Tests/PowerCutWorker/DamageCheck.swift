import Larder

/// Looks at damaged copies of a sound store: what `StoreVerification` says of each, or what reads of it answer.
///
/// A line of the manifest is an image's name and, with a tab before it, the record that was damaged, as `CACHE KEY` with the key in
/// hexadecimal digits, or `-`. LMDB itself may end the process on a damaged page while it reads; a verification must not.
struct DamageCheck {
    private typealias Contents = [String: [[UInt8]: [UInt8]]]

    private let batch: String
    private let golden: String
    private let verifies: Bool
    /// A control: reads do not look at checksums.
    private let unverified: Bool

    init(_ arguments: Arguments) throws {
        guard arguments.rest.count == 2 else { throw Wrong("usage: damage --stage verify|read GOLDEN BATCH") }
        golden = arguments.rest[0]
        batch = arguments.rest[1]
        verifies = arguments.text("stage") == "verify"
        unverified = arguments.number("unverified", default: 0) != 0
    }

    func run() throws {
        let expected = verifies ? [:] : try contents(of: golden)
        for line in Marks.read(batch + "/manifest") {
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 2 else { continue }
            let path = batch + "/" + fields[0]
            let verdict: String
            do {
                verdict = verifies ? try verify(path) : try read(path, expected, damaged: fields[1])
            } catch let error as LarderError {
                verdict = "refused \(error.code)"
            } catch {
                verdict = "untyped \(error)"
            }
            say("\(fields[0]) \(verdict)")
        }
    }

    private func verify(_ path: String) throws -> String {
        try StoreVerification.run(at: path).isHealthy ? "healthy" : "damaged"
    }

    private func open(_ path: String) throws -> Store {
        try Store(at: path, options: StoreOptions(createsIfMissing: false, removesExpired: false))
    }

    private func contents(of path: String) throws -> Contents {
        let store = try open(path)
        defer { try? store.close() }
        var contents: Contents = [:]
        for description in try store.caches() {
            let cache = try store.rawCache(description.name)
            var entries: [[UInt8]: [UInt8]] = [:]
            try store.read { snapshot in try snapshot.forEach(in: cache) { entries[$0] = $1 } }
            contents[description.name] = entries
        }
        return contents
    }

    /// `same`, or what differs: `wrong` for an answer that is not what was written, `lost` for one that is missing without an error, and
    /// `error` for one that is refused. `unnoticed` and `others` are about a damaged record: it must be refused, and no other.
    private func read(_ path: String, _ expected: Contents, damaged: String) throws -> String {
        let isVisible = expected.contains { name, entries in
            entries.contains { damaged == name + " " + hexadecimal($0.key) }
        }
        if damaged != "-", !isVisible { return "invisible" }
        let store = try open(path)
        defer { try? store.close() }
        var (lost, refused) = (0, 0)
        for (name, entries) in expected {
            let cache = try store.rawCache(name)
            for (key, payload) in entries {
                let isDamaged = damaged == name + " " + hexadecimal(key)
                do {
                    let value = try value(of: key, in: cache)
                    if isDamaged { return value == nil ? "unnoticed: a miss" : "unnoticed: a value" }
                    if let value, value != payload { return "wrong" }
                    if value == nil { lost += 1 }
                } catch let error as LarderError {
                    refused += 1
                    if isDamaged {
                        guard error.code == .damagedRecord, error.cacheName == name,
                            error.keyHash == cache.keyHash(of: key.span)
                        else { return "unnoticed: refused as \(error.code), \(error)" }
                    } else if damaged != "-" {
                        return "others: \(error.code)"
                    }
                }
            }
        }
        if damaged != "-" { return lost == 0 && refused == 1 ? "noticed" : "others: \(lost) lost, \(refused) refused" }
        if lost > 0 { return "lost \(lost)" }
        if refused > 0 { return "error \(refused)" }
        return try scan(store, expected)
    }

    private func value(of key: [UInt8], in cache: Cache<[UInt8], [UInt8]>) throws -> [UInt8]? {
        guard unverified else { return try cache.value(for: key) }
        var found: [UInt8]?
        try cache.store.read { snapshot in
            try snapshot.forEachBytes(in: cache, from: key, limit: 1, checksums: .unverified) { other, payload in
                if other.count == key.count, key.indices.allSatisfy({ other[$0] == key[$0] }) {
                    found = payload.indices.map { payload[$0] }
                }
            }
        }
        return found
    }

    /// A walk over everything gives what single reads give, in order.
    private func scan(_ store: Store, _ expected: Contents) throws -> String {
        for (name, entries) in expected {
            let cache = try store.rawCache(name)
            var visited: [[UInt8]] = []
            do {
                try store.read { snapshot in
                    try snapshot.forEach(in: cache) { key, value in
                        guard entries[key] == value else { throw Wrong("wrong") }
                        visited.append(key)
                    }
                }
            } catch is Wrong {
                return "wrong in a scan"
            } catch is LarderError {
                return "error in a scan"
            }
            if visited != entries.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) { return "lost in a scan" }
        }
        return "same"
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
