import Testing

@testable import LarderBench

@Suite("Replayed traces")
struct HitRatioTests {
    @Test("Lines are keys, with or without sizes, and comments are passed over")
    func parsesLines() throws {
        #expect(try Trace.parse("# name=x requests=3\n7\n18446744073709551615,100\r\n0", "t") == [7, .max, 0])
    }

    @Test("What is not a 64-bit number is refused", arguments: ["a\n", "1\n-2\n", "18446744073709551616\n"])
    func refusesOtherLines(_ text: String) {
        #expect(throws: BenchmarkFailure.self) { try Trace.parse(text, "t") }
    }

    @Test("Shares of the keys are rounded with halves to even")
    func roundsHalvesToEven() {
        #expect(Trace.share(250, of: 1_498) == 374)
        #expect(Trace.share(250, of: 1_502) == 376)
        #expect(Trace.share(100, of: 36_815) == 3_682)
        #expect(Trace.share(1, of: 1_499) == 1)
        #expect(Trace.share(1, of: 1_501) == 2)
    }

    @Test("Sizes under ten objects are left out")
    func leavesOutSmallSizes() {
        #expect(Trace(name: "t", keys: Array(0..<1_000)).cacheSizes == [10, 100, 250])
    }

    @Test("LRU evicts what was not asked for the longest")
    func leastRecentlyUsedEvictsTheOldest() throws {
        var cache = LeastRecentlyUsed(capacity: 2)
        let hits = [1, 2, 1, 3, 1, 2, 3].map { cache.request($0) }
        #expect(hits == [false, false, true, false, true, false, false])
    }

    @Test("LRU agrees with a list kept in order of use")
    func leastRecentlyUsedAgreesWithAModel() {
        for capacity in [1, 2, 7, 50] {
            var cache = LeastRecentlyUsed(capacity: capacity)
            var model: [UInt64] = []
            for index in Distribution.zipf.draw(5_000, below: 100, seed: UInt64(capacity)) {
                let key = UInt64(index)
                let held = model.firstIndex(of: key)
                if let held { model.remove(at: held) }
                model.append(key)
                if model.count > capacity { model.removeFirst() }
                #expect(cache.request(key) == (held != nil))
            }
        }
    }

    @Test("Reference means count only policies that have every cell")
    func referenceMeans() {
        let references = References(
            csv: "trace,cache_objects,policy,hit_ratio\na,10,X,0.5\nb,10,X,0.7\na,10,Y,0.9\n")
        let means = references.means(over: [.init(trace: "a", cacheObjects: 10), .init(trace: "b", cacheObjects: 10)])
        #expect(means.map(\.policy) == ["X"])
        #expect(abs(means[0].mean - 0.6) < 1e-12)
    }
}
