import CLibFuzzer
import Glibc

/// Hands the inputs that libFuzzer makes to the parser that the environment's `LARDER_FUZZ_PARSER` names; without a name it says which
/// there are. The command line is libFuzzer's, which starts itself again with it.
@main
enum Fuzzing {
    private static let parser: Parser = {
        let name = unsafe getenv("LARDER_FUZZ_PARSER").map { unsafe String(cString: $0) }
        guard let parser = Parser.all.first(where: { $0.name == name }) else {
            for parser in Parser.all { print(parser.name) }
            exit(name == nil ? 0 : 64)
        }
        return parser
    }()

    static func main() {
        _ = parser
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer? = unsafe CommandLine.unsafeArgv
        let code = unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, size in
            Fuzzing.parser.parse(unsafe [UInt8](UnsafeBufferPointer(start: data, count: size)))
            return 0
        }
        exit(code)
    }
}

/// What libFuzzer's inputs are handed to.
struct Parser: Sendable {
    let name: String
    /// Parses an input. Traps, by ``require(_:_:)`` or by itself, where the parser does what it must not.
    let parse: @Sendable (_ input: [UInt8]) -> Void

    static let all = [record, keys, values, descriptions, file, trace, journal, arguments]
}

/// Ends the process, which libFuzzer reports with its input, unless something holds that must.
func require(_ condition: @autoclosure () throws -> Bool, _ text: StaticString) {
    do {
        if try condition() { return }
        fatalError("\(text)")
    } catch {
        fatalError("\(text): \(error)")
    }
}

/// An input, taken apart from its beginning.
struct Input {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isEmpty: Bool { rest.isEmpty }

    /// The next byte; 0 behind the end.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next bytes as a little-endian number; 0 for those behind the end.
    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
        stride(from: 0, to: Value.bitWidth, by: 8).reduce(0) { $0 | Value(truncatingIfNeeded: byte()) << $1 }
    }

    /// The next bytes, as many as there are up to `count`.
    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Everything that is left.
    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
