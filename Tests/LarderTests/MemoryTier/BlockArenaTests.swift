import TestSupport
import Testing

@testable import Larder

@Suite struct BlockArenaTests {
    @Test(arguments: [UInt64](1...6))
    func `blocks never overlap and free neighbours are joined`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var arena = BlockArena(byteCount: 1 << 20)
        let limit = 1 << 17
        var held: [(block: UInt32, units: UInt32, mark: UInt64)] = []
        for step in 0..<4_000 {
            if Bool.random(using: &random) || held.isEmpty {
                let units = UInt32.random(in: 4...(Bool.random(using: &random) ? 20 : 900), using: &random)
                if let (block, slack) = arena.allocate(units, limit: limit) {
                    #expect(slack < BlockArena.minimumUnits)
                    let mark = random.next() >> 8
                    arena.store(UInt64(0), block, 0)
                    // The test's own header: units, and a mark at both ends.
                    arena.store(units + slack, block, 8)
                    arena.store(mark, block, 16)
                    arena.store(mark, block + units + slack - 1, 0)
                    held.append((block, units + slack, mark))
                }
            } else {
                let index = Int.random(in: 0..<held.count, using: &random)
                let (block, units, mark) = held.remove(at: index)
                #expect(arena.load(block, 16, as: UInt64.self) == mark)
                #expect(arena.load(block + units - 1, 0, as: UInt64.self) == mark)
                arena.free(block, units: units)
            }
            if let broken = arena.brokenInvariant(size: { $0.load($1, 8, as: UInt32.self) }) {
                Issue.record("step \(step): \(broken)")
                return
            }
        }
        for (block, units, _) in held { arena.free(block, units: units) }
        #expect(arena.freeUnits == Int(arena.frontier) - Int(BlockArena.firstBlock))
        #expect(Int(arena.frontier) <= limit)
    }

    @Test(arguments: [3 << 20, 10 << 20, 64 << 20], [0, 1 << 20])
    func `huge pages are taken before they are full where little of them is in vain and all of them is allowed`(
        limit: Int, beyond: Int
    ) {
        var arena = BlockArena(byteCount: limit + beyond)
        var (mostInVain, mostTouched) = (0, 0)
        var isLittle = true
        while let (block, slack) = arena.allocate(32, limit: limit / BlockArena.unit) {
            arena.store(UInt64(0), block, 0)
            arena.store(32 + slack, block, 8)
            let inVain = arena.touchedBytes - arena.frontierBytes
            mostInVain = max(mostInVain, inVain)
            mostTouched = max(mostTouched, arena.touchedBytes)
            if inVain * 10 > arena.frontierBytes { isLittle = false }
        }
        #expect(isLittle && mostTouched <= limit)
        // In 3 MiB there is one, and it must be nearly full; of those from 20 MiB on all may be in vain at first.
        let pages = MappedMemory.hasHugePages ? limit / MappedMemory.hugePage : 0
        let expected = min(pages * MappedMemory.hugePage / 11, MappedMemory.hugePage)
        #expect(mostInVain <= expected && mostInVain > expected - 1_024)
        let blocks = arena.cut(at: limit / 2 / BlockArena.unit) { $0.load($1, 8, as: UInt32.self) }
        #expect(!blocks.isEmpty)
        arena.discardBeyondFrontier()
        #expect(arena.touchedBytes == arena.frontierBytes)
        #expect(arena.brokenInvariant(size: { $0.load($1, 8, as: UInt32.self) }) == nil)
        // What had to be given back is not taken again at once.
        while arena.frontierBytes % MappedMemory.hugePage < MappedMemory.hugePage - 2_048 {
            guard let (block, slack) = arena.allocate(32, limit: limit / BlockArena.unit) else { break }
            arena.store(UInt64(0), block, 0)
            arena.store(32 + slack, block, 8)
        }
        #expect(arena.touchedBytes == arena.frontierBytes)
        arena.removeAll()
        #expect(arena.touchedBytes == arena.frontierBytes)
    }

    @Test func `cutting keeps what lies below and returns what lies beyond`() throws {
        var arena = BlockArena(byteCount: 1 << 16)
        var blocks: [UInt32] = []
        for _ in 0..<100 {
            let found = arena.allocate(10, limit: 8_000)
            let (block, slack) = try #require(found)
            arena.store(UInt64(0), block, 0)
            arena.store(10 + slack, block, 8)
            blocks.append(block)
        }
        for block in blocks[20..<30] { arena.free(block, units: 10) }
        let beyond = arena.cut(at: 500) { $0.load($1, 8, as: UInt32.self) }
        #expect(Set(beyond) == Set(blocks.filter { $0 + 10 > 500 }))
        #expect(Int(arena.frontier) <= 500)
        #expect(arena.brokenInvariant(size: { $0.load($1, 8, as: UInt32.self) }) == nil)
        // What is free below is used before the frontier rises.
        let frontier = arena.frontier
        for _ in 0..<10 {
            let found = arena.allocate(10, limit: 8_000)
            #expect(found != nil)
        }
        #expect(arena.frontier == frontier)
    }

    @Test func `cutting through a free block leaves its lower part free`() throws {
        var arena = BlockArena(byteCount: 1 << 16)
        var blocks: [UInt32] = []
        for _ in 0..<100 {
            let found = arena.allocate(10, limit: 8_000)
            let (block, _) = try #require(found)
            arena.store(UInt64(0), block, 0)
            arena.store(UInt32(10), block, 8)
            blocks.append(block)
        }
        for block in blocks[1..<95] { arena.free(block, units: 10) }
        let beyond = arena.cut(at: 500) { $0.load($1, 8, as: UInt32.self) }
        #expect(beyond == Array(blocks[95...]))
        #expect(arena.frontier == 500)
        #expect(arena.freeUnits == 500 - Int(blocks[1]))
        #expect(arena.brokenInvariant(size: { $0.load($1, 8, as: UInt32.self) }) == nil)
        for _ in beyond {
            let found = arena.allocate(10, limit: 500)
            #expect(found != nil)
        }
    }
}
