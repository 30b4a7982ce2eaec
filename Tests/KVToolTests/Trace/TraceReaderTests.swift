import Testing

@testable import kvtool

@Suite("Reading a trace")
struct TraceReaderTests {
    @Test("Each line is a request, with a size or without")
    func requests() {
        let outcome = TraceOutcome(reading: "7\n8,9\n7,0\n")
        #expect(outcome.error == nil)
        #expect(
            outcome.requests == [
                TraceRequest(key: 7, size: nil), TraceRequest(key: 8, size: 9), TraceRequest(key: 7, size: 0),
            ])
    }

    @Test(
        "The same requests are read whatever their dress",
        arguments: [
            "1\n2,3", "1\r\n2,3\r\n", "1\n2,3\r", "\n\n1\n\r\n2,3\n\n", "# a comment\n1\n#\n2,3\n#1\n# no end",
            "#\r\n1\n2,3\n",
            "001\n0000000000000000000000000002,03\n",
        ])
    func dress(text: String) {
        let outcome = TraceOutcome(reading: text)
        #expect(outcome.error == nil)
        #expect(outcome.requests == [TraceRequest(key: 1, size: nil), TraceRequest(key: 2, size: 3)])
    }

    @Test(
        "A trace without requests is empty, not malformed",
        arguments: ["", "\n", "\r\n", "\r", "#", "# requests=0\n", "#\r"])
    func empty(text: String) {
        let outcome = TraceOutcome(reading: text)
        #expect(outcome.error == nil)
        #expect(outcome.requests == [])
    }

    @Test("The largest key and the largest size are read exactly")
    func extremes() {
        let outcome = TraceOutcome(reading: "\(UInt64.max),\(Int.max)\n0,0\n")
        #expect(outcome.error == nil)
        #expect(outcome.requests == [TraceRequest(key: .max, size: .max), TraceRequest(key: 0, size: 0)])
    }

    @Test(
        "A line that does not begin with a key is refused",
        arguments: [
            "a", "-1", "+1", " 1", "\t1", ",5", ".5", "\"1\"", "１", "\u{FEFF}1", "\0", "\r1", "\r\r\n", "\r#",
            "key,size",
        ])
    func invalidKey(line: String) {
        expect(line, isRefusedWith: .invalidKey)
    }

    @Test(
        "A key that is followed by anything but a comma or the end of the line is refused",
        arguments: ["1a", "1 ", "1 ,2", "1.5", "1;2", "1\t2", "0x10", "1e3", "1#", "1\r2", "1\r\r", "1\0"])
    func trailingText(line: String) {
        expect(line, isRefusedWith: .invalidKey)
    }

    @Test(
        "A key of 2^64 or more is refused",
        arguments: [
            "18446744073709551616", "18446744073709551620", "99999999999999999999,1", "100000000000000000000000",
        ])
    func keyOutOfRange(line: String) {
        expect(line, isRefusedWith: .keyOutOfRange)
    }

    @Test(
        "A comma that is followed by anything but a size and the end of the line is refused",
        arguments: [
            "1,", "1,a", "1,-1", "1,+1", "1, 2", "1,2 ", "1,2,3", "1,2,", "1,,2", "1,2.5", "1,\r", "1,2\r3", "1,0x10",
        ])
    func invalidSize(line: String) {
        expect(line, isRefusedWith: .invalidSize)
    }

    @Test(
        "A size greater than Int.max is refused",
        arguments: [
            "1,9223372036854775808", "1,18446744073709551615", "1,18446744073709551616", "1,99999999999999999999",
        ])
    func sizeOutOfRange(line: String) {
        expect(line, isRefusedWith: .sizeOutOfRange)
    }

    @Test(
        "An error is thrown again by every later call",
        arguments: ["x", "2x", "2,x", "2\r3", "2,3,4", "99999999999999999999", "2,99999999999999999999"])
    func errorsStay(line: String) throws {
        let expected = try #require(TraceOutcome(reading: "1\n" + line + "\n2\n").error)
        var reader = try TraceReader(MemoryByteSource(Array("1\n\(line)\n2\n".utf8)))
        #expect(try reader.next() == TraceRequest(key: 1, size: nil))
        for _ in 0..<3 {
            var caught: TraceError?
            do throws(TraceError) {
                _ = try reader.next()
            } catch {
                caught = error
            }
            #expect(caught == expected)
        }
    }

    @Test("The end is the end at every later call")
    func endStays() throws {
        var reader = try TraceReader(MemoryByteSource(Array("1".utf8)))
        #expect(try reader.next() == TraceRequest(key: 1, size: nil))
        for _ in 0..<3 {
            #expect(try reader.next() == nil)
        }
    }

    @Test("A source that fails is an error with the line that was reached", arguments: ["", "1\n2\n", "1\n2,", "1\n#"])
    func failingSource(text: String) {
        let source = FailingByteSource(
            source: MemoryByteSource(Array(text.utf8)), error: TraceError(.cannotRead, systemError: 5))
        let outcome = TraceOutcome(reading: source)
        let line = 1 + text.filter { $0 == "\n" }.count
        #expect(outcome.error == TraceError(.cannotRead, line: line, systemError: 5))
        #expect(outcome.requests.count == line - 1)
    }

    @Test("A trace without an end is read as it comes")
    func endlessTrace() throws {
        var reader = try TraceReader(EndlessByteSource(bytes: Array("1,20\n3,40\n".utf8)))
        var sum = 0
        for _ in 0..<40_000 {
            let request = try #require(try reader.next())
            sum += Int(request.key) * (request.size ?? 0)
        }
        #expect(sum == 20_000 * (1 * 20 + 3 * 40))
        #expect(reader.line == 40_001)
    }

    @Test("The text of an error names the line and the reason, and none of the trace's bytes")
    func errorText() {
        let malformed = TraceOutcome(reading: "1\nsecret,1\n").error
        #expect(malformed.map(String.init(describing:)) == "line 2: the key is not an unsigned decimal integer")
        let failed = TraceError(.cannotRead, line: 3, systemError: 5)
        #expect(String(describing: failed).hasPrefix("line 3: the trace cannot be read: "))
    }

    /// The line is refused alone, behind good lines, and before them; what comes before it is read.
    private func expect(
        _ line: String, isRefusedWith code: TraceError.Code, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (before, count) in [("", 0), ("5\n6,7\r\n", 2), ("# comment\n5\n", 2)] {
            for after in ["", "\n", "\n8\n"] {
                let outcome = TraceOutcome(reading: before + line + after)
                #expect(outcome.error == TraceError(code, line: count + 1), sourceLocation: sourceLocation)
                #expect(
                    outcome.requests.count == (count == 0 ? 0 : before.first == "#" ? 1 : 2),
                    sourceLocation: sourceLocation)
            }
        }
    }
}
