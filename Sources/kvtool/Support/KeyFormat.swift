/// How the keys of a cache are written on the command line and in the output.
enum KeyFormat: Equatable {
    /// UTF-8, and whatever is not UTF-8 escaped in the output.
    case text
    /// Hexadecimal digits: `--hex`.
    case hexadecimal
    /// A decimal number of so many bits, in the order-preserving form of the library's integer codings.
    case integer(isSigned: Bool, bitWidth: Int)
    /// A UUID.
    case uuid

    /// The form of a cache's keys.
    ///
    /// - Parameters:
    ///   - coding: The name of the cache's key coding.
    ///   - isHexadecimal: Whether `--hex` was given, which is the same for every coding.
    init(coding: String, isHexadecimal: Bool) {
        if isHexadecimal {
            self = .hexadecimal
        } else if coding == "uuid" {
            self = .uuid
        } else if coding.hasPrefix("int"), let width = Self.width(coding.dropFirst(3)) {
            self = .integer(isSigned: true, bitWidth: width)
        } else if coding.hasPrefix("uint"), let width = Self.width(coding.dropFirst(4)) {
            self = .integer(isSigned: false, bitWidth: width)
        } else {
            self = .text
        }
    }

    private static func width(_ text: Substring) -> Int? {
        [8, 16, 32, 64, 128].first { "\($0)" == text }
    }

    // MARK: Reading

    /// The encoded key for what was given on the command line.
    ///
    /// - Throws: `Failure` with the code for usage.
    func parse(_ text: String) throws -> [UInt8] {
        switch self {
        case .text: return Array(text.utf8)
        case .hexadecimal:
            guard let bytes = Hexadecimal.decode(text.utf8) else {
                throw Failure(.usage, "the key is not an even number of hexadecimal digits")
            }
            return bytes
        case .integer(let isSigned, let width):
            guard let bytes = Self.encode(text, isSigned: isSigned, bitWidth: width) else {
                let kind = isSigned ? "a signed" : "an unsigned"
                throw Failure(.usage, "the cache's keys are numbers: the key is not \(kind) integer of \(width) bits")
            }
            return bytes
        case .uuid:
            let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
            guard let bytes = Hexadecimal.decode(digits), bytes.count == 16 else {
                throw Failure(.usage, "the cache's keys are UUIDs: the key is not one")
            }
            return bytes
        }
    }

    private static func encode(_ text: String, isSigned: Bool, bitWidth: Int) -> [UInt8]? {
        let bits: UInt128
        if isSigned {
            guard let number = Int128(text), number >> (bitWidth - 1) == 0 || number >> (bitWidth - 1) == -1 else {
                return nil
            }
            bits = UInt128(truncatingIfNeeded: number) ^ 1 << (bitWidth - 1)
        } else {
            guard let number = UInt128(text), bitWidth == 128 || number >> bitWidth == 0 else { return nil }
            bits = number
        }
        return stride(from: bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> $0) }
    }

    // MARK: Writing

    /// A key as JSON: a number where keys are numbers, a string where the bytes are text, else `nil`.
    func json(_ key: [UInt8]) -> JSON? {
        switch self {
        case .text: String(validating: key, as: UTF8.self).map { .string($0) }
        case .hexadecimal: nil
        case .integer: number(key).map { .number($0) }
        case .uuid: uuid(key).map { .string($0) }
        }
    }

    /// A key on a line of its own, or in a column: escaped where it is not text, and in hexadecimal digits where it is not what the
    /// cache's coding writes.
    func line(_ key: [UInt8]) -> [UInt8] {
        switch self {
        case .text: Escaping.escape(key)
        case .hexadecimal: Hexadecimal.encode(key)
        case .integer: number(key).map { Array($0.utf8) } ?? Hexadecimal.encode(key)
        case .uuid: uuid(key).map { Array($0.utf8) } ?? Hexadecimal.encode(key)
        }
    }

    private func number(_ key: [UInt8]) -> String? {
        guard case .integer(let isSigned, let width) = self, key.count * 8 == width else { return nil }
        let bits = key.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        guard isSigned else { return "\(bits)" }
        let number = Int128(truncatingIfNeeded: bits ^ 1 << (width - 1))
        // The sign stands in the highest of `width` bits.
        let unused = 128 - width
        return "\((number << unused) >> unused)"
    }

    private func uuid(_ key: [UInt8]) -> String? {
        guard key.count == 16 else { return nil }
        let digits = Hexadecimal.text(key).uppercased()
        var rest = digits[...]
        return [8, 4, 4, 4, 12].map { length in
            defer { rest = rest.dropFirst(length) }
            return String(rest.prefix(length))
        }.joined(separator: "-")
    }
}
