@testable import Larder

extension Parser {
    /// What a store says of itself and of its caches, and its index of deadlines. The first byte chooses; the checksum is made right unless
    /// its highest bit is set.
    static let descriptions = Parser(name: "descriptions") { input in
        var input = Input(input)
        let choice = input.byte()
        var bytes = input.remainder()
        switch choice % 3 {
        case 0:
            if choice < 128 { seal(&bytes, seed: 0) }
            guard let header = try? StoreHeader(bytes.span) else { return }
            // A header of an older version, of which there is none yet, would be written in the newest.
            if bytes[4] == 1 { require(header.bytes == bytes, "a header was accepted that is never written so") }
        case 1:
            let (name, seed) = ("name", UInt64(0x5EED))
            if choice < 128 { seal(&bytes, seed: xxh3(Array(name.utf8).span, seed: seed)) }
            guard let descriptor = try? CacheDescriptor(bytes.span, name: name, seed: seed) else { return }
            require(
                descriptor.bytes(name: name, seed: seed) == bytes, "a description was accepted that is never written so"
            )
        default:
            let key = Array(bytes.prefix(20))
            let value = Array(bytes.dropFirst(20))
            guard let entry = ExpiryIndex.entry(key: key.span, value: value.span) else {
                return require(key.count != 20, "an entry of the index is refused")
            }
            require(entry.key == value, "an entry of the index has another key")
        }
    }

    private static func seal(_ bytes: inout [UInt8], seed: UInt64) {
        guard bytes.count >= 8 else { return }
        let start = bytes.count - 8
        let checksum = xxh3(bytes.span.extracting(0..<start), seed: seed)
        for index in 0..<8 { bytes[start + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
    }
}
