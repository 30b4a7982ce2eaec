#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The monotonic clock of the machine, which all of its processes share.
public enum MonotonicTime {
    /// Nanoseconds since some moment before the processes began.
    public static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Blocks the calling thread.
    public static func sleep(nanoseconds: UInt64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var remaining = timespec()
        while unsafe nanosleep(&time, &remaining) == -1, errno == EINTR { time = remaining }
    }
}

/// The time of day.
public enum WallTime {
    /// Milliseconds since 1970.
    public static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// A system call that failed.
public struct SystemError: Error, CustomStringConvertible {
    /// The call and its `errno`.
    public let description: String

    /// The last failure of the calling thread.
    public init(_ operation: String) {
        self.init(operation, code: errno)
    }

    /// A failure with its code.
    public init(_ operation: String, code: Int32) {
        description = unsafe "\(operation): \(String(cString: strerror(code)))"
    }
}

/// A directory that is removed, with all that it holds, by ``remove()``.
public struct ScratchDirectory: Sendable {
    /// Its path.
    public let path: String

    /// Makes one under the system's temporary directory.
    public init() throws {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array((parent + "/larder-durability.XXXXXX").utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the directory.
    public func remove() {
        Self.remove(path)
    }

    static func remove(_ path: String) {
        for name in names(in: path) {
            let child = path + "/" + name
            if unsafe unlink(child) != 0 { remove(child) }
        }
        unsafe rmdir(path)
    }

    /// The names in a directory; none if it is not there.
    public static func names(in path: String) -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
