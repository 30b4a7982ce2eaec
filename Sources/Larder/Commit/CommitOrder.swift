/// The order in which the transactions of a batch are applied: those of single keys in the order of their keys, since pages near each other
/// are then touched once; then bodies, in the order of arrival.
enum CommitOrder {
    /// What most pairs of transactions can be told apart by. No object is in here: moving one about would count its references.
    private struct Rank {
        var position: Int
        /// The number of the key's cache; greater than any such number for a body.
        var keyspace = UInt64.max
        /// The key's first bytes as a number.
        var prefix: UInt64 = 0

        init(_ request: WriteRequest, at position: Int) {
            self.position = position
            guard let key = request.singleKey else { return }
            keyspace = UInt64(key.keyspace)
            prefix = Self.prefix(of: key.bytes.span)
        }

        /// The first eight bytes, the first of them the most significant. A shorter key is filled up with zeros, which go before all other
        /// bytes.
        private static func prefix(of key: Span<UInt8>) -> UInt64 {
            var prefix: UInt64 = 0
            for index in 0..<8 { prefix = prefix << 8 | (index < key.count ? UInt64(key[index]) : 0) }
            return prefix
        }
    }

    /// The positions of requests in the order in which they are applied.
    static func positions(of requests: [WriteRequest]) -> [Int] {
        guard requests.count > 1 else { return Array(requests.indices) }
        let ranks = requests.indices.map { Rank(requests[$0], at: $0) }
        return ranks.sorted { left, right in
            if left.keyspace != right.keyspace { return left.keyspace < right.keyspace }
            if left.prefix != right.prefix { return left.prefix < right.prefix }
            let (leftKey, rightKey) = (requests[left.position].singleKey, requests[right.position].singleKey)
            guard let leftKey, let rightKey, leftKey.bytes != rightKey.bytes else {
                return left.position < right.position
            }
            return isLess(leftKey.bytes.span, rightKey.bytes.span)
        }.map(\.position)
    }
}
