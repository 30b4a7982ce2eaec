import LMDB
import TestSupport

extension String {
    /// The string's UTF-8.
    var bytes: [UInt8] { Array(utf8) }
}

extension ReadableTransaction where Self: ~Copyable {
    /// A copy of a key's value.
    func value(_ key: [UInt8], in table: Table) throws -> [UInt8]? {
        try withValue(for: key.span, in: table) { copy($0) }
    }

    /// A copy of a key's value, both as UTF-8.
    func string(_ key: String, in table: Table) throws -> String? {
        try value(key.bytes, in: table).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Copies of all entries, in the order of their keys or in its reverse.
    func entries(in table: Table, reversed: Bool = false) throws -> [[[UInt8]]] {
        try withCursor(in: table) { cursor in
            var entries: [[[UInt8]]] = []
            var found = try cursor.move(reversed ? .last : .first)
            while found {
                entries.append(cursor.withEntry { [copy($0), copy($1)] })
                found = try cursor.move(reversed ? .previous : .next)
            }
            return entries
        }
    }
}

extension WriteTransaction {
    /// Sets a key's value.
    mutating func put(_ value: [UInt8], _ key: [UInt8], in table: Table) throws {
        try put(value.span, for: key.span, in: table)
    }

    /// Sets a key's value, both as UTF-8.
    mutating func put(_ value: String, _ key: String, in table: Table) throws {
        try put(value.bytes, key.bytes, in: table)
    }
}

extension WriteTransaction {
    /// Sets a key's value to so many zeros, written into the page itself.
    mutating func put(zeros count: Int, _ key: [UInt8], in table: Table) throws {
        try unsafe put(count: count, for: key.span, in: table) { target in
            for offset in 0..<count { unsafe target.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
        }
    }

    /// Adds an entry of so many zeros behind the last one, if its key is greater; returns whether it is.
    mutating func append(zeros count: Int, _ key: [UInt8], in table: Table) throws -> Bool {
        try unsafe append(count: count, for: key.span, in: table) { target in
            for offset in 0..<count { unsafe target.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
        }
    }
}

extension Environment {
    /// Opens an environment for a test, with a table `t` in it if it is new.
    static func openForTest(_ path: String, mapSize: Int = 1 << 30, maximumReaders: Int = 126) throws -> Environment {
        try open(at: path, options: .init(mapSize: mapSize, maximumReaders: maximumReaders)) {
            _ = try $0.createTable("t")
        }
    }

    /// The table `t`.
    var table: Table {
        get throws { try openTable("t") ?? { throw LMDBError(.notFound, operation: "table t") }() }
    }
}

/// The bytes of a span.
func copy(_ span: Span<UInt8>) -> [UInt8] {
    unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
}

/// The code of the ``LMDBError`` that `body` throws, or `nil` if it throws none.
func code(of body: () throws -> Void) -> LMDBError.Code? {
    failure(LMDBError.self, of: body)?.code
}
