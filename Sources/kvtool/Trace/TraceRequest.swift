/// One request of an access trace: which entry was asked for, and how large it is.
struct TraceRequest: Equatable, Sendable {
    /// The entry's identity; a number that stands for a path, a block or a URL.
    var key: UInt64

    /// The entry's size in bytes; `nil` in traces that record none.
    var size: Int?
}
