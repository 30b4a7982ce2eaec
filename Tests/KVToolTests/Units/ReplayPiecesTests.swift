import Foundation
import Testing

@testable import kvtool

@Suite struct `The pieces of a replay` {
    private let scratch = ScratchDirectory()
    private var path: String { scratch.path + "/journal" }

    @Test(arguments: [0, 1, 24, 25, 31, 32, 33, 1_000, 4_096])
    func `a value has the size asked for, and its own key and version`(size: Int) {
        let value = ReplayValue.make(key: 42, version: 7, size: size)
        #expect(value.count == max(size, 24))
        #expect(ReplayValue.claimedVersion(of: value.span, key: 42) == 7)
        #expect(ReplayValue.verifiedVersion(of: value.span, key: 42) == 7)
        #expect(ReplayValue.claimedVersion(of: value.span, key: 43) == nil)
        #expect(value == ReplayValue.make(key: 42, version: 7, size: size))
    }

    @Test func `a value with any bit flipped, cut short or of another key is not verified`() {
        let value = ReplayValue.make(key: 42, version: 7, size: 61)
        for bit in 0..<value.count * 8 {
            var damaged = value
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(ReplayValue.verifiedVersion(of: damaged.span, key: 42) == nil, "bit \(bit)")
        }
        for count in 0..<value.count {
            #expect(ReplayValue.verifiedVersion(of: Array(value.prefix(count)).span, key: 42) == nil)
        }
        #expect(ReplayValue.verifiedVersion(of: (value + [0]).span, key: 42) == nil)
    }

    @Test func `a journal keeps what was appended, and cuts off what was not finished`() throws {
        try Journal(appendingTo: path).append(.init(key: 1, version: 1))
        try Data(contentsOf: URL(fileURLWithPath: path)).appending("2 ").write(to: URL(fileURLWithPath: path))
        #expect(try Journal.entries(of: path) == [.init(key: 1, version: 1)])
        let journal = try Journal(appendingTo: path)
        try journal.append(.init(key: .max, version: .max))
        #expect(try Journal.entries(of: path) == [.init(key: 1, version: 1), .init(key: .max, version: .max)])
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    }

    @Test func `a key is written by one at a time, and its versions only go up`() throws {
        let versions = KeyVersions(acknowledged: [.init(key: 1, version: 5), .init(key: 1, version: 4)])
        #expect(versions.known(1) == 5)
        #expect(versions.known(2) == 0)
        #expect(versions.beginWrite(of: 1))
        #expect(!versions.beginWrite(of: 1))
        #expect(versions.beginWrite(of: 2))
        #expect(try versions.nextVersion(of: 1) { throw CancellationError() } == 6, "what is known is not looked up")
        #expect(versions.nextVersion(of: 2) { 8 } == 9)
        #expect(versions.nextVersion(of: 2) { nil } == 1)
        versions.endWrite(of: 1)
        #expect(versions.beginWrite(of: 1))
        versions.note(3, of: 1)
        #expect(versions.known(1) == 5)
    }

    @Test func `a feed hands out each request once, in order, to whoever asks`() async throws {
        let requests = 10_000
        try Data((0..<requests).map { "\($0)\n" }.joined().utf8).write(to: URL(fileURLWithPath: path))
        let feed = try RequestFeed(path: path)
        feed.start()
        let taken = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<16 {
                group.addTask {
                    var numbers: [Int] = []
                    while let next = try await feed.next() {
                        #expect(next.request.key == UInt64(next.number))
                        #expect(numbers.last ?? -1 < next.number)
                        numbers.append(next.number)
                    }
                    return numbers
                }
            }
            return try await group.reduce(into: [Int]()) { $0 += $1 }
        }
        #expect(taken.sorted() == Array(0..<requests))
    }

    @Test func `a feed tells everyone what is wrong with the trace, after the requests before it`() async throws {
        try Data("1\n2\nx\n".utf8).write(to: URL(fileURLWithPath: path))
        let feed = try RequestFeed(path: path)
        feed.start()
        #expect(try await feed.next()?.request.key == 1)
        #expect(try await feed.next()?.request.key == 2)
        for _ in 0..<3 {
            await #expect(throws: TraceError(.invalidKey, line: 3)) { try await feed.next() }
        }
    }

    @Test func `a feed that is stopped gives out nothing more`() async throws {
        try Data(String(repeating: "1\n", count: 20_000).utf8).write(to: URL(fileURLWithPath: path))
        let feed = try RequestFeed(path: path)
        feed.start()
        _ = try await feed.next()
        feed.stop()
        #expect(try await feed.next() == nil)
    }
}

extension Data {
    fileprivate func appending(_ text: String) -> Data { self + Data(text.utf8) }
}
