/// A JSON text (RFC 8259) whose members keep their order, so that the same data always gives the same bytes.
enum JSON {
    case null
    case bool(Bool)
    /// Digits as they stand, so that no number is rounded.
    case number(String)
    case string(String)
    case array([JSON])
    case object([(name: String, value: JSON)])

    static func integer(_ value: some BinaryInteger) -> JSON {
        .number("\(value)")
    }

    /// A number with so many digits behind the point, or null if it is not finite.
    static func decimal(_ value: Double, digits: Int) -> JSON {
        value.isFinite ? .number(Quantity.decimal(value, digits: digits)) : .null
    }

    /// The text, on one line without blanks.
    var text: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .number(let digits): bytes += digits.utf8
        case .string(let string): Self.append(string, to: &bytes)
        case .array(let elements):
            Self.append(elements, between: "[]", to: &bytes) { $0.append(to: &$1) }
        case .object(let members):
            Self.append(members, between: "{}", to: &bytes) { member, bytes in
                Self.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
        }
    }

    private static func append<Element>(
        _ elements: [Element], between brackets: String, to bytes: inout [UInt8],
        _ body: (Element, inout [UInt8]) -> Void
    ) {
        bytes.append(brackets.utf8.first!)
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            body(element, &bytes)
        }
        bytes.append(brackets.utf8.last!)
    }

    private static func append(_ string: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case UInt8(ascii: "\t"): bytes += "\\t".utf8
            case UInt8(ascii: "\r"): bytes += "\\r".utf8
            // DEL is allowed as it is, and better not sent to a terminal.
            case 0..<0x20, 0x7f: bytes += "\\u00".utf8 + Hexadecimal.encode([byte])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSON {
    /// The members for a value's bytes: `name` where they are UTF-8, else, and with `--hex`, `name_hex`.
    static func member(_ name: String, _ bytes: [UInt8], isHexadecimal: Bool) -> (name: String, value: JSON) {
        if !isHexadecimal, let text = String(validating: bytes, as: UTF8.self) { return (name, .string(text)) }
        return (name + "_hex", .string(Hexadecimal.text(bytes)))
    }

    /// The member for a key: `key` as text or number, else, and with `--hex`, `key_hex`.
    static func member(key: [UInt8], _ format: KeyFormat) -> (name: String, value: JSON) {
        format.json(key).map { ("key", $0) } ?? ("key_hex", .string(Hexadecimal.text(key)))
    }
}
