import TestSupport
import Testing

@testable import kvtool

@Suite("A trace that arrives in pieces")
struct TracePiecesTests {
    /// One of everything that a trace may hold.
    private let text =
        "# name=all requests=5\r\n#\n1\n23,456\r\n\n# between\n\(UInt64.max),\(Int.max)\n\r\n0\r\n007,0"

    @Test("The size of the pieces changes nothing")
    func everyPieceSize() {
        let whole = TraceOutcome(reading: text)
        #expect(whole.error == nil)
        #expect(whole.requests.count == 5)
        for encoded in [Array(text.utf8), gzip(text), gzip("#\n") + gzip(text)] {
            for pieceSize in 1...encoded.count {
                let pieces = TraceOutcome(reading: encoded, pieceSize: pieceSize)
                #expect(pieces.requests == whole.requests, "pieces of \(pieceSize) bytes")
                #expect(pieces.error == nil, "pieces of \(pieceSize) bytes")
            }
        }
    }

    @Test(
        "The size of the pieces changes no error",
        arguments: ["1\n2\nx\n", "1\n2,3,4\n", "1\n2\r3", "1\n,", "1\n99999999999999999999"])
    func everyPieceSizeOfMalformedTraces(text: String) {
        let whole = TraceOutcome(reading: text)
        #expect(whole.error != nil)
        for pieceSize in 1...text.utf8.count {
            #expect(TraceOutcome(reading: text, pieceSize: pieceSize) == whole)
        }
    }

    @Test("A trace that ends anywhere is read up to there", arguments: [false, true])
    func everyEnd(compressed: Bool) {
        let bytes = Array(text.utf8)
        for count in 0...bytes.count {
            let prefix = Array(bytes.prefix(count))
            let outcome = TraceOutcome(reading: compressed ? gzip(prefix) : prefix, pieceSize: 3)
            // The one unfinished line that is malformed is the one that ends with its comma.
            let isMalformed = prefix.last == UInt8(ascii: ",")
            #expect(outcome.error?.code == (isMalformed ? .invalidSize : nil), "\(count) bytes")
            let requestLines = String(decoding: prefix, as: UTF8.self).split(whereSeparator: \.isNewline)
                .filter { !$0.hasPrefix("#") }
            #expect(outcome.requests.count == requestLines.count - (isMalformed ? 1 : 0), "\(count) bytes")
        }
    }

    @Test("Buffers of the reader may end anywhere in a line")
    func bufferBoundaries() {
        let line = "12345678901234567890,123456789\r\n"
        let lines = String(repeating: line, count: 3 * 65_536 / line.utf8.count)
        for shift in 0...line.utf8.count {
            let text = "#" + String(repeating: "-", count: shift) + "\n" + lines
            for encoded in [Array(text.utf8), gzip(text)] {
                let outcome = TraceOutcome(reading: encoded)
                #expect(outcome.error == nil)
                #expect(outcome.requests.count == 6144)
                #expect(outcome.requests.allSatisfy { $0.key == 12_345_678_901_234_567_890 && $0.size == 123_456_789 })
            }
        }
    }

    @Test("Random requests are read back as they were written", arguments: 0..<40 as Range<UInt64>)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var requests: [TraceRequest] = []
        var members: [[UInt8]] = []
        var plain: [UInt8] = []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            var text = ""
            for _ in 0..<Int.random(in: 0...3000, using: &generator) {
                let request = TraceRequest.random(using: &generator)
                requests.append(request)
                text += "\(request.key)" + (request.size.map { ",\($0)" } ?? "")
                text += ["\n", "\r\n", "\n\n", "\n# \(generator.next())\n"].randomElement(using: &generator) ?? "\n"
            }
            plain += Array(text.utf8)
            members.append(gzip(text))
        }
        let pieceSize = Int.random(in: 1...100_000, using: &generator)
        for encoded in [plain, Array(members.joined())] {
            let outcome = TraceOutcome(reading: encoded, pieceSize: pieceSize)
            #expect(outcome.error == nil, "seed \(seed)")
            #expect(outcome.requests == requests, "seed \(seed)")
        }
    }
}

extension TraceRequest {
    /// A request whose numbers are of every length, not only of the greatest.
    fileprivate static func random(using generator: inout SeededGenerator) -> TraceRequest {
        let key = generator.next() >> UInt64.random(in: 0..<64, using: &generator)
        let size = Int(generator.next() >> UInt64.random(in: 1..<64, using: &generator))
        return TraceRequest(key: key, size: Bool.random(using: &generator) ? size : nil)
    }
}
