import LMDB
import Larder

/// Changes what lies on the disk behind the back of Larder, in a store that nobody has open.
enum RawStore {
    /// Runs `body` in a write transaction of the file, and commits it.
    static func change(at path: String, _ body: (Environment, inout WriteTransaction) throws -> Void) throws {
        let environment = try Environment.open(at: path, options: .init(flushing: nil))
        // A handle must be there before the transaction that uses it.
        for name in ["larder", "expiry"] + (0..<20).map({ "cache.\($0)" }) { _ = try environment.openTable(name) }
        try environment.write { try body(environment, &$0) }
        try environment.close()
    }

    /// Replaces the value of a key in one of the file's tables.
    static func replace(
        _ key: [UInt8], in table: String, at path: String, _ body: ([UInt8]) throws -> [UInt8]
    ) throws {
        try change(at: path) { environment, transaction in
            guard let table = try environment.openTable(table),
                let old = try transaction.withValue(for: key.span, in: table, { bytes($0) })
            else { throw LMDBError(.notFound, operation: "raw change") }
            let new = try body(old)
            try transaction.put(new.span, for: key.span, in: table)
        }
    }

    /// Every entry of every table of the file.
    static func contents(at path: String) throws -> [String: [[UInt8]: [UInt8]]] {
        let environment = try Environment.open(at: path, options: .init(flushing: nil))
        defer { try? environment.close() }
        var tables: [(String, Table)] = []
        for name in ["larder", "expiry"] + (0..<20).map({ "cache.\($0)" }) {
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
