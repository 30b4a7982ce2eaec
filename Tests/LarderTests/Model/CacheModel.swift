/// What a cache should hold, as a plain dictionary. Keys and values are numbers, which each cache under test encodes in its own way; the
/// order of the numbers is that of the encoded keys.
struct CacheModel {
    struct Entry: Equatable {
        var value: Int
        /// Milliseconds since 1970; 0 for never.
        var deadline: UInt64
    }

    private var entries: [Int: Entry] = [:]

    /// The entry of a key, unless it has expired by `now`.
    func entry(_ key: Int, at now: UInt64) -> Entry? {
        guard let entry = entries[key], entry.deadline == 0 || now < entry.deadline else { return nil }
        return entry
    }

    mutating func set(_ key: Int, _ entry: Entry) {
        entries[key] = entry
    }

    /// Removes a key; returns whether it was there.
    mutating func remove(_ key: Int, at now: UInt64) -> Bool {
        let wasThere = entry(key, at: now) != nil
        entries[key] = nil
        return wasThere
    }

    /// Removes a range; returns how many keys were there.
    mutating func removeAll(in range: Range<Int>, at now: UInt64) -> Int {
        range.reduce(0) { $0 + (remove($1, at: now) ? 1 : 0) }
    }

    mutating func removeAll() {
        entries = [:]
    }

    /// The keys that are there, in ascending order, with their values.
    func live(in range: Range<Int> = .min..<(.max), at now: UInt64) -> [(key: Int, value: Int)] {
        entries.keys.filter { range.contains($0) }.sorted().compactMap { key in
            entry(key, at: now).map { (key, $0.value) }
        }
    }
}
