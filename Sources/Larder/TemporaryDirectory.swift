#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

enum TemporaryDirectory {
    /// Where temporary files go: `TMPDIR`, or `/tmp`.
    static var parent: String {
        guard let value = unsafe getenv("TMPDIR") else { return "/tmp" }
        return unsafe String(cString: value)
    }
}
