#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// This process's memory, as the system has it.
enum ProcessMemory {
    /// Bytes of memory of its own, files that are mapped left out; 0 where the system does not say.
    static var anonymousBytes: Int {
        guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe fread(&buffer, 1, buffer.count, file)
        for line in String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.first == "RssAnon:", words.count > 1 { return (Int(words[1]) ?? 0) << 10 }
        }
        return 0
    }
}
