extension [UInt8] {
    /// The bytes of a span.
    @inline(__always)
    init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension MutableSpan<UInt8> {
    /// Copies bytes to the front, if there is room for all of them.
    mutating func copyIfFitting(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { source in
            unsafe withUnsafeMutableBytes { target in
                if source.count <= target.count { unsafe target.copyMemory(from: source) }
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of `other`, of which there are as many. Short ones are compared without a call, which would cost more than they do.
    @inline(__always)
    @unsafe
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        assert(count == other.count)
        guard count >= 8 else { return unsafe elementsEqual(other) }
        // The last word may overlap the one before.
        guard unsafe word(0) == other.word(0), unsafe word(count &- 8) == other.word(count &- 8) else { return false }
        var offset = 8
        while offset < count &- 8 {
            if unsafe word(offset) != other.word(offset) { return false }
            offset &+= 8
        }
        return true
    }

    @inline(__always)
    @unsafe
    private func word(_ offset: Int) -> UInt64 {
        unsafe (baseAddress! + offset).loadUnaligned(as: UInt64.self)
    }
}
