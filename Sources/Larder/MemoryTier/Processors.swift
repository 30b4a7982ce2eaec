#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The processors of the machine.
enum Processors {
    /// How many are in use, at least 1.
    static var count: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }
}
