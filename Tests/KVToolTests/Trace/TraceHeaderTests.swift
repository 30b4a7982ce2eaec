import Testing

@testable import kvtool

@Suite("The header of a trace")
struct TraceHeaderTests {
    private func header(_ text: String) -> TraceHeader {
        TraceOutcome(reading: text).header
    }

    private let complete = TraceHeader(name: "build", requests: 12, uniqueKeys: 3, hasSizes: true)

    @Test(
        "The comments before the first request tell of it, before any request is read",
        arguments: [
            #"# name=build source="a real, 'quoted' requests=9 one" license="Apache-2.0" requests=12 unique=3 has_size=1"#,
            "#name=build requests=12 unique=3 has_size=1\r\n",
            "\n# name=build\tunique=3\n# requests=12\r\n\n#has_size=1\n",
            "# some words first = and more name=build requests=12 unique=3 has_size=1 unknown=5 ==\n",
            #"# name="build" requests="12" unique="3" has_size="1""#,
        ])
    func fields(text: String) throws {
        #expect(header(text) == complete)
        let reader = try TraceReader(MemoryByteSource(Array(text.utf8)))
        #expect(reader.header == complete)
    }

    @Test("A trace without a header has none", arguments: ["", "1\n2\n", "# just words\n1\n", "#\n"])
    func noHeader(text: String) {
        #expect(header(text) == TraceHeader())
    }

    @Test(
        "A field whose value makes no sense is passed over",
        arguments: [
            "# requests=-1 unique=many has_size=2", "# requests= unique=1.5 has_size=",
            "# requests=99999999999999999999",
            "# requests = 5", #"# unique="3 4""#, #"# requests=""#, #"# requests="4 has_size=1"#,
        ])
    func senselessFields(text: String) {
        #expect(header(text) == TraceHeader())
    }

    @Test("The first word on a field stands")
    func repeatedFields() {
        #expect(header("# requests=1 requests=2\n# requests=3\n").requests == 1)
        #expect(header("# requests=x requests=2\n").requests == 2)
    }

    @Test("A comment behind the first request tells nothing")
    func lateComment() {
        #expect(header("1\n# requests=5\n") == TraceHeader())
    }

    @Test(
        "A comment that is too long for a header is passed over, and the trace is read on",
        arguments: [4096, 4097, 200_000])
    func longComment(length: Int) {
        let fields = " requests=5 "
        let comment = "#" + fields + String(repeating: "x", count: length - fields.count)
        let outcome = TraceOutcome(reading: comment + "\n1\n# requests=6\n2\n")
        #expect(outcome.error == nil)
        #expect(outcome.requests.map(\.key) == [1, 2])
        #expect(outcome.header.requests == (length <= 4096 ? 5 : nil))
    }

    @Test("Bytes that are not UTF-8 in a comment do no harm")
    func invalidUTF8() {
        let outcome = TraceOutcome(reading: [0x23, 0xff, 0xfe, 0x20] + Array("requests=4\n1\n".utf8))
        #expect(outcome.error == nil)
        #expect(outcome.header.requests == 4)
        #expect(outcome.requests.map(\.key) == [1])
    }
}
