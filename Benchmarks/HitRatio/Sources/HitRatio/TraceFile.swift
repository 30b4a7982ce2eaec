#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Trace {
    /// Reads `NAME.trace.gz`: after a comment, a line for each request, `key` or `key,size` in decimal. Needs `gzip`. Returns nil if there is no such file.
    static func load(_ name: String, in directory: String, seed: UInt64) -> Trace? {
        let path = "\(directory)/\(name).trace.gz"
        guard unsafe access(path, R_OK) == 0, !path.contains("'"), let pipe = unsafe popen("gzip -dc '\(path)'", "r")
        else { return nil }
        defer { _ = unsafe pclose(pipe) }
        var trace = Trace(name: name)
        var parser = LineParser(seed: seed)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, pipe) }
            if count == 0 { break }
            for byte in buffer[0..<count] { parser.take(byte, into: &trace) }
        }
        trace.measure()
        return trace
    }

    /// Takes a trace apart byte by byte.
    private struct LineParser {
        let seed: UInt64
        private var number: UInt64 = 0
        private var key: UInt64?
        private var hasDigits = false
        private var isComment = false

        init(seed: UInt64) {
            self.seed = seed
        }

        mutating func take(_ byte: UInt8, into trace: inout Trace) {
            switch byte {
            case UInt8(ascii: "\n"):
                if hasDigits { finishLine(into: &trace) }
                (number, key, hasDigits, isComment) = (0, nil, false, false)
            case UInt8(ascii: "#"): isComment = true
            case UInt8(ascii: ",") where !isComment:
                key = number
                number = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !isComment:
                number = number &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
                hasDigits = true
            default: break
            }
        }

        private func finishLine(into trace: inout Trace) {
            trace.hashes.append(Trace.hash(key ?? number, seed: seed))
            if key != nil { trace.sizes.append(UInt32(clamping: number)) }
        }
    }
}

/// A comma-separated file with a heading, one dictionary a line, or nil if it cannot be read.
func readTable(_ path: String) -> [[Substring]]? {
    guard let file = unsafe fopen(path, "r") else { return nil }
    defer { _ = unsafe fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        if count == 0 { break }
        bytes += buffer[0..<count]
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst()
    return lines.map { $0.split(separator: ",") }
}
