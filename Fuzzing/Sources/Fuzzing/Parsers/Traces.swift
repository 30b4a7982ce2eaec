@testable import kvtool

extension Parser {
    /// Traces, plain and compressed: what is read does not depend on the pieces that the bytes come in.
    static let trace = Parser(name: "trace") { input in
        let whole = Outcome(reading: input, pieceSize: .max)
        require(Outcome(reading: input, pieceSize: 1) == whole, "a trace is another one when it comes byte by byte")
        require(whole.requests.allSatisfy { ($0.size ?? 0) >= 0 }, "a size below zero")
    }

    private static let journalFile = ScratchFile(name: "journal")

    private struct Outcome: Equatable {
        var header = TraceHeader()
        var requests: [TraceRequest] = []
        var error: TraceError?

        init(reading bytes: [UInt8], pieceSize: Int) {
            do throws(TraceError) {
                var reader = try TraceReader(MemoryByteSource(bytes, pieceSize: pieceSize))
                header = reader.header
                // Compressed data can be a thousand times as long when it is not.
                while requests.count < 10_000, let request = try reader.next() { requests.append(request) }
            } catch {
                self.error = error
            }
        }
    }

    /// Journals of a replay.
    static let journal = Parser(name: "journal") { input in
        journalFile.write(input)
        guard let entries = try? Journal.entries(of: journalFile.path) else { return }
        require(entries.count == input.count(where: { $0 == UInt8(ascii: "\n") }), "a line of a journal is lost")
    }
}
