#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Says a line to the parent at once.
func say(_ line: String, newline: Bool = true) {
    let bytes = Array((line + (newline ? "\n" : "")).utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
}
