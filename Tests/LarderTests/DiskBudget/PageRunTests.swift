import TestSupport
import Testing

@testable import LMDB
@testable import Larder

@Suite struct `A run of pages` {
    /// The first two are meta pages. Of the others `.` is free, `r` holds records, `L` a part of a long value, `F` one that must stay, and `S`
    /// is a page of LMDB's own.
    private func run(_ pages: String) -> PageRun {
        var run = PageRun(count: pages.count)
        for (page, content) in pages.enumerated() {
            switch content {
            case ".": run.addFree(page)
            case "r": run.add(PageLocation(leaf: page, value: nil), isEvictable: true)
            case "L": run.add(PageLocation(leaf: .max, value: page..<page + 1), isEvictable: true)
            case "F": run.add(PageLocation(leaf: .max, value: page..<page + 1), isEvictable: false)
            default: break
            }
        }
        return run
    }

    @Test func `is where the least has to be copied, and the last of those that cost the same`() {
        #expect(run("MM.r.rr..r.rr...r.rr").cheapest(3, copies: 0) == 13..<16)
        #expect(run("MM...rrrr...rr").cheapest(3, copies: 0) == 9..<12)
        #expect(run("MM..rrrr").cheapest(7, copies: 0) == nil)
    }

    @Test func `rather has records copied than a long value evicted, and neither than a page of LMDB's own in it`() {
        #expect(run("MM..r.rr.rr...L.SS..").cheapest(6, copies: 0) == 8..<14)
        #expect(run("MM....Srrrrrr..S...LLLLLL").cheapest(6, copies: 0) == 9..<15)
        #expect(run("MMF.....FLLLLLLF....").cheapest(6, copies: 0) == 9..<15)
        #expect(run("MMF.....F..S.F......F").cheapest(7, copies: 0) == nil)
    }

    @Test func `lies behind as many free pages as are used until it is`() {
        #expect(run("MM....rr..SSSrrr").cheapest(4, copies: 0) == 2..<6)
        #expect(run("MM....rr..SSSrrr").cheapest(4, copies: 1) == 6..<10)
        // What the run holds goes there too.
        #expect(run("MM...rSSS..SSSrr..").cheapest(4, copies: 0) == 14..<18)
    }
}
