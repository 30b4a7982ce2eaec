#if PostgreSQL
    /// What a notification says that is no longer so.
    ///
    /// | payload | meaning |
    /// | --- | --- |
    /// | `key:TEXT` | the entry of that key |
    /// | `tag:TEXT` | every entry with that tag |
    /// | `prefix:TEXT` | every entry whose key, a string, begins so |
    /// | `all`, and whatever else | every entry |
    enum Invalidation: Hashable, Sendable {
        case key(String)
        case tag(String)
        case prefix(String)
        case all

        /// Reads a payload. One that is not understood can mean anything, so it means everything.
        init(payload: String) {
            let parts = payload.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            self =
                switch (parts.count, parts[0]) {
                case (2, "key"): .key(parts[1])
                case (2, "tag"): .tag(parts[1])
                case (2, "prefix"): .prefix(parts[1])
                default: .all
                }
        }
    }
#endif
