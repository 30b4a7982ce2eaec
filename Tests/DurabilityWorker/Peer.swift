import DurabilityKit
import Larder

/// A process of a ping-pong: obeys its parent's lines until there are no more.
struct Peer {
    private let store: PeerStore

    init(path: String) throws {
        store = try PeerStore(at: path)
    }

    func run() throws {
        say("ready")
        while let line = readLine() {
            if line == "hold" { try store.hold { say("holding") } }
            say(try store.obey(line))
        }
        try store.store.close()
    }
}
