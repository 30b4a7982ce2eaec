#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Tells one boot of the machine from another.
enum BootIdentifier {
    /// A string that is the same until the machine goes down; empty where the system has none.
    static var current: String {
        var buffer = [UInt8](repeating: 0, count: 64)
        #if canImport(Darwin)
            var size = buffer.count
            guard unsafe sysctlbyname("kern.bootsessionuuid", &buffer, &size, nil, 0) == 0 else { return "" }
        #else
            let descriptor = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return "" }
            defer { close(descriptor) }
            guard unsafe read(descriptor, &buffer, buffer.count - 1) > 0 else { return "" }
        #endif
        return String(decoding: buffer.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self)
    }
}
