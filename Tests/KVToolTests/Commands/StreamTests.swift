import Foundation
import Larder
import Testing

@Suite struct `The streams and exit codes of kvtool` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    private func fill() throws {
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            try store.writeBlocking { transaction in
                for key in 0..<2_000 {
                    try transaction.set([UInt8](repeating: 0x61, count: 500), for: "\(key)", in: cache)
                }
            }
        }
    }

    @Test(arguments: ["scan", "scan --json", "stat", "verify", "get"])
    func `it ends in order and says nothing when nobody reads its output any more`(command: String) throws {
        try fill()
        let script = #"{ "$0" \#(command) "$1" \#(command == "get" ? "7" : ""); echo $? >&2; } | :"#
        let outcome = try Tool.shell(script, store)
        #expect(outcome.errors == "0\n")
        let first = try Tool.shell(#"{ "$0" scan "$1" --keys; echo $? >&2; } | head -n 1"#, store)
        #expect(first.text == "0\n")
        #expect(first.errors == "0\n")
    }

    @Test func `it exits 65 for damage even if nobody reads the report`() throws {
        try makeStore(at: store) {
            try $0.cache("c", key: .string, value: .string).setBlocking("the damaged value", for: "k")
        }
        try flipBit(store, of: "the damaged value")
        let outcome = try Tool.shell(#"{ "$0" verify "$1"; echo $? >&2; } | :"#, store)
        #expect(outcome.errors.hasSuffix("65\n"))
    }

    #if os(Linux)
        @Test(arguments: ["scan", "stat", "verify", "get"])
        func `it exits 74 when its output cannot be written`(command: String) throws {
            try fill()
            let script = #""$0" \#(command) "$1" \#(command == "get" ? "7" : "") > /dev/full"#
            let outcome = try Tool.shell(script, store)
            #expect(outcome.status == 74)
            #expect(outcome.errors == "Error: The output cannot be written: No space left on device\n")
        }
    #endif

    @Test func `it exits 64 for a usage that it does not know, with nothing on standard output`() throws {
        try fill()
        for arguments in [
            ["frob"], ["get"], ["get", store], ["get", store, "k", "extra"], ["get", store, "k", "--frob"],
            ["scan", store, "k"],
            ["get", "", "k"], ["set", store], ["delete", store], ["replay", store],
        ] {
            let outcome = try Tool.shell(#""$0" "$@""#, arguments)
            #expect(outcome.status == 64, "\(arguments)")
            #expect(outcome.output == [], "\(arguments)")
            #expect(outcome.errors.hasPrefix("Error: "), "\(arguments)")
        }
    }

    @Test func `it helps on standard output, in lines that fit a terminal`() throws {
        for command in ["get", "set", "delete", "scan", "stat", "verify", "replay"] {
            let outcome = try Tool.run(command, "--help")
            #expect(outcome.status == 0)
            #expect(outcome.errors == "")
            #expect(outcome.text.contains("USAGE: kvtool \(command) <store>"))
            let text = outcome.lines.filter { !$0.hasPrefix("USAGE:") && !$0.hasPrefix(" ") }
            #expect(text.allSatisfy { $0.count <= 80 })
        }
        let help = try Tool.run("--help")
        #expect(help.status == 0)
        #expect(help.text.contains("Exit codes:"))
    }
}
