import CBenchSystem
import Foundation

/// Cases over the whole store: scans, reopening after a kill, memory.
extension Measurement {
    /// `scan` and `scan_unverified`: every entry in key order, the first byte of each value touched.
    func scan(verifying: Bool) throws -> Row {
        let driver = try openLoaded(.durable, flushing: false)
        defer { try? driver.close() }
        try verify(driver, 0..<UInt32(plan.entries)) { _ in 0 }
        var expected = ScanSum(entries: UInt64(plan.entries))
        for index in 0..<UInt32(plan.entries) {
            expected.firstBytes += Entry.valueHead(index, version: 0) & 0xFF
        }
        // Once outside the clock: the pages that the load wrote are brought into the peer's caches.
        _ = try driver.scan(verifying: verifying)
        var seen = ScanSum()
        let interval = try Interval.measure { seen = try driver.scan(verifying: verifying) }
        guard seen == expected else { throw BenchmarkFailure("a scan saw \(seen) instead of \(expected)") }
        return row(interval, operations: plan.entries)
    }

    /// The first half of `reopen_killed`: loads, says so, and goes on putting until it is killed.
    func putUntilKilled() throws -> Never {
        let driver = try openLoaded(.durable, flushing: true)
        let session = try driver.makeSession()
        print("ready")
        fflush(nil)
        var generator = SplitMix64(seed: plan.seed(thread: 0))
        while true {
            let index = UInt32(generator.next() % UInt64(plan.entries))
            try session.put(
                Entry.key(index).span, Entry.value(index, version: 1, size: plan.valueSize).span)
        }
    }

    /// The second half: opens what the killed process left, its pages out of the page cache, and gets one entry.
    func reopenKilled() throws -> Row {
        try dropCachedFiles()
        let index = UInt32(plan.entries / 2)
        let key = Entry.key(index)
        let heads = [Entry.valueHead(index, version: 0), Entry.valueHead(index, version: 1)]
        var driver: D?
        let opening = try Interval.measure { driver = try open(.durable, flushing: true) }
        guard let driver else { throw BenchmarkFailure("nothing was opened") }
        defer { try? driver.close() }
        var seen: Glimpse?
        let getting = try Interval.measure { seen = try driver.makeSession().get(key.span) }
        guard let seen, seen.size == plan.valueSize, heads.contains(seen.head) else {
            throw BenchmarkFailure("the first get after a kill saw a wrong value")
        }
        var row = plan.emptyRow
        row.openNanoseconds = Double(opening.wall)
        row.firstGetNanoseconds = Double(getting.wall)
        row.nanosecondsPerOp = Double(opening.wall + getting.wall)
        row.cpuNanosecondsPerOp = Double(opening.cpu + getting.cpu)
        return row
    }

    private func dropCachedFiles() throws {
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            let code = unsafe bench_drop_cached(directory + "/" + path)
            // A directory has no pages of its own to drop.
            guard code == 0 || code == EISDIR || code == EINVAL else {
                throw BenchmarkFailure("cannot drop \(path) from the page cache: error \(code)")
            }
        }
    }

    /// `mem_overhead`: what an entry in memory costs beyond its key and value, by the growth of anonymous resident memory.
    func memoryOverhead() throws -> Row {
        // A memory tier over a disk is filled by gets of what is on the disk.
        if plan.peer.keepsOnDisk {
            _ = try open(.fillingMemory, flushing: false)
            try openLoaded(.durable, flushing: false).close()
        }
        let driver = try open(.fillingMemory, flushing: false)
        defer { try? driver.close() }
        let session = try driver.makeSession()
        var key: [UInt8] = []
        var value: [UInt8] = []
        key.reserveCapacity(Entry.keySize)
        value.reserveCapacity(plan.valueSize)
        let before = bench_anonymous_memory()
        for index in 0..<UInt32(plan.entries) {
            key.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
            Entry.appendKey(index, to: &key)
            Entry.appendValue(index, version: 0, size: plan.valueSize, to: &value)
            if plan.peer.keepsOnDisk {
                _ = try session.get(key.span)
            } else {
                try session.put(key.span, value.span)
            }
        }
        let after = bench_anonymous_memory()
        try verify(driver, 0..<UInt32(plan.entries)) { _ in 0 }
        let payload = plan.entries * (Entry.keySize + plan.valueSize)
        var row = plan.emptyRow
        row.overheadBytesPerEntry = ((Double(after) - Double(before) - Double(payload)) / Double(plan.entries))
            .rounded(digits: 1)
        return row
    }
}
