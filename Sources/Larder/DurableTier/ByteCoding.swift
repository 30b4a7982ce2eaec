/// Writes the store's own small structures: little-endian integers, and strings with their length in two bytes.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func append(_ string: String) {
        append(UInt16(string.utf8.count))
        bytes.append(contentsOf: string.utf8)
    }

    mutating func append(bytes more: [UInt8]) {
        append(UInt16(more.count))
        bytes += more
    }

    /// Appends the hash of everything so far.
    mutating func appendChecksum(seed: UInt64) {
        append(xxh3(bytes.span, seed: seed))
    }
}

/// Reads what a ``ByteWriter`` wrote; throws at the first byte that is missing or wrong.
struct ByteReader {
    private let bytes: [UInt8]
    private var offset = 0

    /// What is thrown for bytes that no ``ByteWriter`` wrote.
    struct Malformed: Error {}

    init(_ bytes: Span<UInt8>) {
        self.bytes = [UInt8](copying: bytes)
    }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(Malformed) -> Value {
        let width = Value.bitWidth / 8
        guard bytes.count - offset >= width else { throw Malformed() }
        defer { offset += width }
        return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    mutating func string() throws(Malformed) -> String {
        guard let string = String(validating: try byteString(), as: UTF8.self) else { throw Malformed() }
        return string
    }

    mutating func byteString() throws(Malformed) -> [UInt8] {
        let count = Int(try integer(UInt16.self))
        guard bytes.count - offset >= count else { throw Malformed() }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// Checks that the hash of everything so far follows, and nothing after it.
    mutating func checksum(seed: UInt64) throws(Malformed) {
        let expected = xxh3(bytes.span.extracting(0..<offset), seed: seed)
        guard try integer(UInt64.self) == expected, offset == bytes.count else { throw Malformed() }
    }
}
