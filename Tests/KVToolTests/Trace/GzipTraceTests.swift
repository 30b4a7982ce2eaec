import Testing

@testable import kvtool

@Suite("A gzip'd trace")
struct GzipTraceTests {
    private let text = "# name=small requests=4\n10,200\n11,3000\n12\n10,200\n"
    private let requests = [
        TraceRequest(key: 10, size: 200), TraceRequest(key: 11, size: 3000), TraceRequest(key: 12, size: nil),
        TraceRequest(key: 10, size: 200),
    ]

    @Test("It is recognized by its content")
    func content() {
        let outcome = TraceOutcome(reading: gzip(text))
        #expect(outcome.error == nil)
        #expect(outcome.header == TraceHeader(name: "small", requests: 4))
        #expect(outcome.requests == requests)
    }

    @Test("It may be empty")
    func empty() {
        let outcome = TraceOutcome(reading: gzip(""))
        #expect(outcome.error == nil)
        #expect(outcome.requests == [])
    }

    @Test("Its members are read as one text, wherever a line was divided")
    func members() {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            let encoded = gzip(Array(bytes[..<cut])) + gzip("") + gzip(Array(bytes[cut...]))
            for pieceSize in [1, 7, .max] {
                let outcome = TraceOutcome(reading: encoded, pieceSize: pieceSize)
                #expect(outcome.error == nil, "cut at \(cut), pieces of \(pieceSize)")
                #expect(outcome.requests == requests, "cut at \(cut), pieces of \(pieceSize)")
            }
        }
    }

    @Test("A malformed line in it is named by its number")
    func malformedLine() {
        let outcome = TraceOutcome(reading: gzip("1\n") + gzip("2\nx"))
        #expect(outcome.error == TraceError(.invalidKey, line: 3))
        #expect(outcome.requests.map(\.key) == [1, 2])
    }

    @Test("Cut short anywhere, it is an error behind the requests that were whole", arguments: [1, 5, .max])
    func truncated(pieceSize: Int) {
        let first = gzip(text)
        let encoded = first + gzip("13\n")
        for count in 1..<encoded.count where count != first.count {
            let outcome = TraceOutcome(reading: Array(encoded.prefix(count)), pieceSize: pieceSize)
            #expect(outcome.error?.code == .truncatedGzip, "\(count) bytes")
            // Behind the first line, the comment, each line that was ended is a request.
            let line = outcome.error?.line
            #expect(line == outcome.requests.count + 2 || (line == 1 && outcome.requests.isEmpty), "\(count) bytes")
            #expect((requests + [TraceRequest(key: 13, size: nil)]).starts(with: outcome.requests), "\(count) bytes")
        }
        #expect(TraceOutcome(reading: first, pieceSize: pieceSize).error == nil)
    }

    @Test("The size of the room for what is decoded changes nothing, be the data sound, cut short or damaged")
    func everyRoom() {
        // Long matches, so that zlib often holds back output for want of room.
        let text = Array(String(repeating: "123456,789\n", count: 40).utf8)
        let sound = gzip(text) + gzip("7\n") + gzip(text)
        var inputs = [sound, text]
        for position in 1..<sound.count {
            inputs.append(Array(sound.prefix(position)))
            inputs.append(sound)
            inputs[inputs.count - 1][position] ^= 0x40
        }
        for input in inputs {
            let whole = Decoded(input, room: 10_000)
            for room in [1, 2, 300] {
                #expect(Decoded(input, room: room) == whole)
            }
        }
    }

    @Test("With any bit flipped, it is an error unless the bit means nothing to the text")
    func corrupt() {
        let sound = TraceOutcome(reading: text)
        let encoded = gzip(text)
        let header = 0..<10 * 8
        var harmless: [Int] = []
        for bit in 0..<encoded.count * 8 {
            var damaged = encoded
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = TraceOutcome(reading: damaged)
            if outcome.error == nil {
                harmless.append(bit)
                #expect(outcome == sound, "bit \(bit)")
            }
        }
        // In the header, those of the time, the extra flags and the system, and the flag that calls the data a text.
        #expect(harmless.filter(header.contains) == [24] + Array(32..<80))
        // Behind it, those that fill the last byte of the data up.
        let filling = harmless.filter { !header.contains($0) }
        #expect(filling.count < 8)
        #expect(filling.allSatisfy { $0 / 8 == encoded.count - 9 })
    }

    @Test(
        "What follows its last member and is none is an error",
        // The last is empty data in zlib's own format, which zlib would read if it were let.
        arguments: [[0], [0x31, 0x0a], [0x1f, 0x8c], [0xff, 0xff, 0xff], [0x78, 0x9c, 3, 0, 0, 0, 0, 1]])
    func trailingBytes(trailing: [UInt8]) {
        for pieceSize in [1, .max] {
            let outcome = TraceOutcome(reading: gzip(text) + trailing, pieceSize: pieceSize)
            #expect(outcome.requests == requests)
            #expect(outcome.error?.line == 6)
            // One byte is too little for zlib to tell what it is not.
            #expect(outcome.error?.code == (trailing.count == 1 ? .truncatedGzip : .corruptGzip))
        }
    }

    @Test(
        "A magic number that no gzip data follows is damage",
        arguments: [[0x1f, 0x8b, 0xff, 0], [0x1f, 0x8b, 8, 0xff], [0x1f, 0x31, 0x0a]])
    func magicAlone(bytes: [UInt8]) {
        #expect(TraceOutcome(reading: bytes) == TraceOutcome(reading: bytes, pieceSize: 1))
        #expect(TraceOutcome(reading: bytes).error == TraceError(.corruptGzip, line: 1))
    }
}

/// All that a decoder gives out before it ends or fails.
private struct Decoded: Equatable {
    var bytes: [UInt8] = []
    var error: TraceError?

    init(_ input: [UInt8], room: Int) {
        var source = DecompressingByteSource(MemoryByteSource(input))
        var buffer = [UInt8](repeating: 0, count: room)
        do throws(TraceError) {
            while true {
                var span = buffer.mutableSpan
                let count = try source.read(into: &span)
                guard count > 0 else { return }
                bytes += buffer.prefix(count)
            }
        } catch {
            self.error = error
        }
    }
}
