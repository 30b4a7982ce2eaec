#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The journal of a task: what it was about to do, and what was acknowledged, each written with one system call before the next thing
/// happens, so that it is in the kernel's hands when the process is killed.
public final class Journal: Sendable {
    private let descriptor: Int32

    /// An entry: 32 bytes.
    public struct Entry: Sendable, Equatable {
        /// Whether the operation was acknowledged; otherwise it is about to begin.
        public var isAcknowledged: Bool
        /// The operation (see ``CrashPlan``).
        public var token: UInt64
        /// What it answered, where that is a truth value: 1 or 0; and 2 for one that threw as it should.
        public var answer: UInt64 = 0
        /// The deadline of an expiring entry, in milliseconds since 1970.
        public var deadline: UInt64 = 0
    }

    /// Opens a journal to be written, and makes it if it is not there.
    public init(path: String) throws {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
    }

    deinit {
        close(descriptor)
    }

    /// Appends an entry.
    public func append(_ entry: Entry) throws {
        let words = [entry.isAcknowledged ? 1 : 2, entry.token, entry.answer, entry.deadline]
        let count = unsafe words.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        guard count == 32 else { throw SystemError("write") }
    }

    /// The entries of a journal; none if it is not there.
    public static func entries(in path: String) throws -> [Entry] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var words = [UInt64](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)) / 8)
        let count = unsafe words.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == words.count * 8 else { throw SystemError("read \(path)") }
        return stride(from: 0, to: words.count - 3, by: 4).map { start in
            Entry(
                isAcknowledged: words[start] == 1, token: words[start + 1], answer: words[start + 2],
                deadline: words[start + 3])
        }
    }
}
