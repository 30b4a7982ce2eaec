import LMDB
import Larder

/// Changes what lies on the disk behind the back of Larder, in a store that nobody has open.
enum RawStore {
    /// Changes entries of one of the file's tables.
    static func change(_ name: String, at path: String, _ body: (inout [[UInt8]: [UInt8]]) throws -> Void) throws {
        let old = try contents(at: path)[name] ?? [:]
        var new = old
        try body(&new)
        let environment = try Environment.open(at: path, options: .init(flushing: nil))
        guard let table = try environment.openTable(name) else { throw LMDBError(.notFound, operation: "raw change") }
        try environment.write { transaction in
            for key in old.keys where new[key] == nil { try transaction.delete(key.span, in: table) }
            for (key, value) in new where old[key] != value {
                try transaction.put(value.span, for: key.span, in: table)
            }
        }
        try environment.close()
    }

    /// Changes the value of a key in one of the file's tables.
    static func replace(
        _ key: [UInt8], in table: String, at path: String, _ body: ([UInt8]) throws -> [UInt8]
    ) throws {
        try change(table, at: path) { entries in
            guard let old = entries[key] else { throw LMDBError(.notFound, operation: "raw change") }
            entries[key] = try body(old)
        }
    }

    /// Every entry of every table of the file.
    static func contents(at path: String) throws -> [String: [[UInt8]: [UInt8]]] {
        let environment = try Environment.open(at: path, options: .init(flushing: nil))
        defer { try? environment.close() }
        var tables: [(String, Table)] = []
        for name in ["larder", "expiry", "tags", "claims", "hotset"] + (0..<20).map({ "cache.\($0)" }) {
            if let table = try environment.openTable(name) { tables.append((name, table)) }
        }
        return try environment.read { transaction in
            var contents: [String: [[UInt8]: [UInt8]]] = [:]
            for (name, table) in tables {
                contents[name] = try transaction.withCursor(in: table) { cursor in
                    var entries: [[UInt8]: [UInt8]] = [:]
                    var found = try cursor.move(.first)
                    while found {
                        cursor.withEntry { entries[bytes($0)] = bytes($1) }
                        found = try cursor.move(.next)
                    }
                    return entries
                }
            }
            return contents
        }
    }
}

/// A copy of a span's bytes.
func bytes(_ span: Span<UInt8>) -> [UInt8] {
    unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
}

extension String {
    /// The string's UTF-8.
    var bytes: [UInt8] { Array(utf8) }
}
