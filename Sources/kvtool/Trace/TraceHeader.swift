/// What the comments at the top of a trace say of it: `# name=… source="…" requests=N unique=M has_size=0|1`.
///
/// All of it is optional, and none of it is checked against the requests.
struct TraceHeader: Equatable, Sendable {
    /// The trace's name.
    var name: String?

    /// How many requests the trace holds: what progress is measured against.
    var requests: Int?

    /// How many different keys the trace holds.
    var uniqueKeys: Int?

    /// Whether the requests carry sizes.
    var hasSizes: Bool?

    /// Takes what a comment says; what an earlier comment said stands.
    ///
    /// - Parameter comment: The comment's bytes behind the `#`. Fields are `name=value` or `name="value"`, set apart by
    ///   blanks; the unknown ones, and words that are no fields, are passed over.
    mutating func merge(comment: some Sequence<UInt8>) {
        for (name, value) in Self.fields(of: String(decoding: Array(comment), as: UTF8.self)) {
            switch name {
            case "name": self.name = self.name ?? value
            case "requests": requests = requests ?? Self.count(value)
            case "unique": uniqueKeys = uniqueKeys ?? Self.count(value)
            case "has_size": hasSizes = hasSizes ?? (value == "1" ? true : value == "0" ? false : nil)
            default: break
            }
        }
    }

    private static func count(_ text: String) -> Int? {
        Int(text).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func fields(of comment: String) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        var rest = Substring(comment)
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard !rest.isEmpty else { return fields }
            let name = rest.prefix { $0 != "=" && !$0.isWhitespace }
            rest = rest.dropFirst(name.count)
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst()
            let isQuoted = rest.first == "\""
            rest = isQuoted ? rest.dropFirst() : rest
            let value = rest.prefix { isQuoted ? $0 != "\"" : !$0.isWhitespace }
            rest = rest.dropFirst(value.count + (isQuoted ? 1 : 0))
            fields.append((String(name), String(value)))
        }
    }
}
