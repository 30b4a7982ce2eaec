/// Bytes as one line of text, from which the bytes can be had back.
enum Escaping {
    /// UTF-8 as it is, but a backslash, tab, line feed and carriage return as `\\`, `\t`, `\n` and `\r`, and every other control
    /// character and every byte that is not part of valid UTF-8 as `\x` and two hexadecimal digits.
    static func escape(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let length = scalarLength(bytes[index...])
            switch bytes[index] {
            case UInt8(ascii: "\\"): text += "\\\\".utf8
            case UInt8(ascii: "\t"): text += "\\t".utf8
            case UInt8(ascii: "\n"): text += "\\n".utf8
            case UInt8(ascii: "\r"): text += "\\r".utf8
            case 0x20..<0x7f: text.append(bytes[index])
            // U+0080 to U+009F are control characters too, and some terminals obey them.
            case 0xc2 where length == 2 && bytes[index + 1] < 0xa0: hex(bytes[index..<index + 2], &text)
            case 0x80... where length > 0: text += bytes[index..<index + length]
            default: hex(bytes[index...index], &text)
            }
            index += max(length, 1)
        }
        return text
    }

    private static func hex(_ bytes: ArraySlice<UInt8>, _ text: inout [UInt8]) {
        for byte in bytes { text += "\\x".utf8 + Hexadecimal.encode([byte]) }
    }

    /// The length of the Unicode scalar at the beginning; 0 if none is there (Unicode 15, table 3-7).
    private static func scalarLength(_ bytes: ArraySlice<UInt8>) -> Int {
        guard let first = bytes.first else { return 0 }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch first {
        case ..<0x80: return 1
        case 0xc2...0xdf: length = 2
        case 0xe0...0xef:
            length = 3
            if first == 0xe0 { second = 0xa0...0xbf }
            if first == 0xed { second = 0x80...0x9f }
        case 0xf0...0xf4:
            length = 4
            if first == 0xf0 { second = 0x90...0xbf }
            if first == 0xf4 { second = 0x80...0x8f }
        default: return 0
        }
        let rest = bytes.dropFirst().prefix(length - 1)
        guard rest.count == length - 1, second.contains(rest.first!), rest.allSatisfy({ 0x80...0xbf ~= $0 }) else {
            return 0
        }
        return length
    }
}
