/// What the self-test asks of a driver. All drivers must answer the same.
extension Measurement {
    /// Loads every entry in key order, overwrites one in three by single puts, and reads every key back, whole values. Keys that were never
    /// written must be absent, and a scan must see each entry once.
    func selfTest() throws -> Digest {
        let driver = try open(plan.peer.keepsOnDisk ? .durable : .memoryHits, flushing: false)
        try load(driver)
        let session = try driver.makeSession()
        for index in stride(from: UInt32(0), to: UInt32(plan.entries), by: 3) {
            let value = Entry.value(index, version: 1, size: plan.valueSize)
            try session.put(Entry.key(index).span, value.span)
        }
        // A session with one long snapshot would not see the puts.
        let reader = try driver.makeSession()
        var digest = Digest()
        for index in 0..<UInt32(plan.entries) {
            let key = Entry.key(index)
            guard let value = try reader.value(for: key.span) else {
                throw BenchmarkFailure("entry \(index) is absent")
            }
            guard try reader.get(key.span) == value.span.glimpse else {
                throw BenchmarkFailure("a get of entry \(index) saw another value")
            }
            digest.add(key: key.span, value: value.span)
        }
        for index in UInt32(plan.entries)..<UInt32(plan.entries) + 100 {
            guard try reader.get(Entry.key(index).span) == nil else {
                throw BenchmarkFailure("entry \(index) was never written, yet is there")
            }
        }
        do {
            let sum = try driver.scan(verifying: true)
            guard sum.entries == plan.entries else {
                throw BenchmarkFailure("a scan saw \(sum.entries) of \(plan.entries) entries")
            }
        } catch is NotOffered {}
        try driver.close()
        return digest
    }
}

extension Digest: CustomStringConvertible {
    var description: String { "\(entries) \(sum)" }

    /// What every driver's self-test should give.
    static func expectedOfSelfTest(entries: Int, valueSize: Int) -> Digest {
        expected(0..<UInt32(entries), valueSize: valueSize) { $0 % 3 == 0 ? 1 : 0 }
    }
}
