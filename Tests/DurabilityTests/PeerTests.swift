import DurabilityKit
import Larder
import Testing

/// This process and others on one store, told of each write by a pipe as soon as it is acknowledged.
@Suite(.serialized) struct `Processes on one store` {
    /// One of the processes: this one, or a child.
    private enum Peer {
        case here(PeerStore)
        case child(ChildProcess)

        func ask(_ line: String) throws -> String? {
            switch self {
            case .here(let store): return try store.obey(line)
            case .child(let process):
                process.send(line)
                return try process.readLine()
            }
        }
    }

    /// What a process answered, and should have. Thrown, since the game runs on a thread that the test library does not know.
    private struct Unexpected: Error {
        var answer: String?
        var expected: String
        var round: Int
    }

    private struct Game {
        let path: String
        let worker: String
        var peers: [Peer]
        /// What every process must see; a number that a killed process may have written or not stands beside it.
        var expected = [Int](repeating: 0, count: PeerStore.keyCount)
        var generator: SeededGenerator
        var number = 0
        var kills = 0

        init(children: Int, seed: UInt64, path: String) throws {
            self.path = path
            worker = try WorkerExecutable.path()
            generator = SeededGenerator(seed: seed)
            peers = [.here(try PeerStore(at: path))]
            for _ in 0..<children { peers.append(.child(try Self.start(worker, path))) }
        }

        static func start(_ worker: String, _ path: String) throws -> ChildProcess {
            let child = try ChildProcess(worker, ["peer", path])
            let answer = try child.readLine()
            guard answer == "ready" else { throw Unexpected(answer: answer, expected: "ready", round: 0) }
            return child
        }

        private func require(_ expected: String, from peer: Peer, _ question: String) throws {
            let answer = try peer.ask(question)
            guard answer == expected else { throw Unexpected(answer: answer, expected: expected, round: number) }
        }

        private func requireState(from peer: Peer) throws {
            try require(expected.map(String.init).joined(separator: " "), from: peer, "read")
        }

        /// As ``requireState(from:)``, but a killed process's write may show from now on. What is seen must not go back after that.
        private mutating func requireState(from peer: Peer, orWith number: Int, for key: Int) throws {
            let answer = try peer.ask("read")
            var shown = expected
            shown[key] = number
            for state in [expected, shown] where answer == state.map(String.init).joined(separator: " ") {
                return expected = state
            }
            throw Unexpected(answer: answer, expected: "\(expected) or \(shown)", round: number)
        }

        /// One process writes; every process reads everything.
        mutating func play() throws {
            number += 1
            let (writer, key) = (generator.below(peers.count), generator.below(PeerStore.keyCount))
            let written = generator.below(5) == 0 ? 0 : number
            try require("written", from: peers[writer], "write \(key) \(written)")
            expected[key] = written
            for peer in peers.shuffled(using: &generator) { try requireState(from: peer) }
        }

        /// A child is killed while it writes; the others agree on whether it has written.
        mutating func killWriter() throws {
            number += 1
            let (peer, key) = (1 + generator.below(peers.count - 1), generator.below(PeerStore.keyCount))
            guard case .child(let child) = peers[peer] else { return }
            child.send("write \(key) \(number)")
            MonotonicTime.sleep(nanoseconds: UInt64(generator.below(1_500_000)))
            if child.kill() == .killed(9) { kills += 1 }
            let said = try child.readLine()
            peers.remove(at: peer)
            guard case .here(let store) = peers[0] else { return }
            if said == "written" { expected[key] = number }
            // A process that was killed between the two steps in which LMDB makes a commit visible leaves it to others to show it: whoever
            // misses it, or the next writer.
            for other in peers { try requireState(from: other, orWith: number, for: key) }
            let witness = (key + 1) % PeerStore.keyCount
            try require("written", from: peers[generator.below(peers.count)], "write \(witness) \(number)")
            expected[witness] = number
            if try store.read()[key] != expected[key] { expected[key] = number }
            for other in peers { try requireState(from: other) }
            peers.append(.child(try Self.start(worker, path)))
        }

        /// Memory answered most reads, or the game proves nothing.
        func finish(rounds: Int) throws {
            guard case .here(let store) = peers[0] else { return }
            let statistics = try store.store.statistics()
            guard statistics.foreignCommits > rounds / 4, statistics.memory.hits > rounds else {
                throw Unexpected(answer: "\(statistics)", expected: "many foreign commits and hits", round: number)
            }
            try store.store.close()
        }
    }

    @Test(arguments: [(children: 1, rounds: 1_500), (children: 2, rounds: 1_000)])
    func `see each other's writes at once, with warm memory`(children: Int, rounds: Int) async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        try await JoinableThread.run {
            var game = try Game(children: children, seed: UInt64(children), path: scratch.path + "/store")
            for _ in 0..<rounds { try game.play() }
            try game.finish(rounds: rounds)
        }
    }

    @Test func `agree on what a killed one has written, and go on`() async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        try await JoinableThread.run {
            var game = try Game(children: 2, seed: 7, path: scratch.path + "/store")
            for _ in 0..<40 {
                for _ in 0..<5 { try game.play() }
                try game.killWriter()
            }
            #expect(game.kills == 40)
            try game.finish(rounds: 200)
        }
    }
}
