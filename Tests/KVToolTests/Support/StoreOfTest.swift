import Dispatch
import Foundation
import Larder

/// Makes a store with `body` and closes it, so that a tool can be run on it.
func makeStore(at path: String, _ body: (Store) throws -> Void) throws {
    let store = try Store(at: path)
    try body(store)
    try store.close()
}

/// Changes the bytes of a store's file in which `pattern` stands, wherever it does; returns how many places there are.
func damage(_ store: String, where pattern: [UInt8], _ change: (inout [UInt8], Int) -> Void) throws -> Int {
    let path = store + "/data.mdb"
    var file = try bytes(of: path)
    var places: [Int] = []
    var start = 0
    while let found = Data(file).range(of: Data(pattern), in: start..<file.count) {
        places.append(found.lowerBound)
        start = found.upperBound
    }
    for place in places { change(&file, place) }
    try Data(file).write(to: URL(fileURLWithPath: path))
    return places.count
}

/// Flips the lowest bit of the first byte of `pattern`, wherever it stands in a store's file.
func flipBit(_ store: String, of pattern: String) throws {
    let places = try damage(store, where: Array(pattern.utf8)) { $0[$1] ^= 1 }
    precondition(places > 0, "the pattern is not in the file")
}

/// Cuts a store's file to a length in bytes.
func cutShort(_ store: String, to length: UInt64) throws {
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: store + "/data.mdb"))
    try file.truncate(atOffset: length)
    try file.close()
}
