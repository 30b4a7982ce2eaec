@testable import Larder

extension Parser {
    /// Records of the durable tier: a byte with the key's length, the key, the record.
    ///
    /// As they are; and with their checksum made right, so that what lies behind it is reached.
    static let record = Parser(name: "record") { input in
        var input = Input(input)
        let key = input.bytes(Int(input.byte()))
        let hash = xxh3(key.span, seed: 0x5EED)
        let bytes = input.remainder()
        _ = Record.deadline(bytes.span)
        if let header = try? Record.verify(bytes.span, keyHash: hash) { checkWritten(header, bytes, hash) }

        guard bytes.count > 8 else { return }
        var sealed = bytes
        let checksum = xxh3(bytes.span.extracting(8...), seed: hash)
        for index in 0..<8 { sealed[index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
        guard let header = try? Record.verify(sealed.span, keyHash: hash) else {
            return require((try? Record.header(sealed.span)) == nil, "a sound record is refused")
        }
        checkWritten(header, sealed, hash)
        // Whatever bit flips, it is noticed.
        let bit = Int(bytes[0]) | Int(bytes[1]) << 8
        sealed[bit / 8 % sealed.count] ^= 1 << (bit % 8)
        require((try? Record.verify(sealed.span, keyHash: hash)) == nil, "a flipped bit is not noticed")
    }

    /// A record that is accepted is what its header and payload are written as.
    private static func checkWritten(_ header: Record.Header, _ bytes: [UInt8], _ hash: UInt64) {
        require(bytes.count >= header.size, "a record is shorter than its header")
        var written = [UInt8](repeating: 0, count: bytes.count)
        unsafe written.withUnsafeMutableBytes { target in
            unsafe Record.write(
                header, tags: Record.tags(bytes.span), payload: bytes.span.extracting(header.size...), keyHash: hash,
                to: target)
        }
        require(written == bytes, "a record was accepted that is never written so")
    }
}
