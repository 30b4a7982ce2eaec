extension [UInt8] {
    /// The bytes of a span.
    @inline(__always)
    init(copying bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
