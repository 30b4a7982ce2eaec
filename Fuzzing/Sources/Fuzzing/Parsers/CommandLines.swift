import ArgumentParser

@testable import kvtool

extension Parser {
    /// Command lines of the tool, their words set apart by line feeds. They are parsed, not run.
    static let arguments = Parser(name: "arguments") { input in
        let words = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).prefix(24).map {
            String(decoding: $0, as: UTF8.self)
        }
        do {
            _ = try KVTool.parseAsRoot(words)
        } catch {
            let code = KVTool.exitCode(for: error)
            require(code == .success || code == .validationFailure, "a command line is refused with another exit code")
            require(
                !KVTool.fullMessage(for: error).isEmpty || code == .success, "a command line is refused without a word")
        }
    }
}
