#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The writes that a replay was told are durable, in a file: a line `key version` for each, written after the store had said so.
///
/// Each line is one `write(2)`, so that it is there after a SIGKILL; nothing is flushed, so a power cut can take the last ones, which
/// only makes a check milder. A last line without its end was never finished and does not count.
final class Journal: Sendable {
    /// An acknowledged write.
    struct Entry: Equatable {
        var key: UInt64
        var version: UInt64
    }

    private let descriptor: FileDescriptor

    /// Opens a journal to append to it, and makes it, mode 0600, if it is not there. What a killed replay began and did not finish is cut
    /// off.
    ///
    /// - Throws: `Failure`.
    init(appendingTo path: String) throws {
        let number = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw Failure.system("the journal cannot be opened") }
        descriptor = FileDescriptor(number: number)
        let bytes = try descriptor.readToEnd()
        let end = (bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        if end < bytes.count, ftruncate(number, off_t(end)) != 0 {
            throw Failure.system("the journal cannot be written")
        }
    }

    deinit {
        close(descriptor.number)
    }

    /// Notes an acknowledged write.
    ///
    /// - Throws: `Failure` with the code for input and output.
    func append(_ entry: Entry) throws {
        let error = descriptor.write(Array("\(entry.key) \(entry.version)\n".utf8))
        guard error == 0 else { throw Failure.system("the journal cannot be written", error) }
    }

    /// The entries of a journal.
    ///
    /// - Throws: `Failure`: with the code for a missing store if the file is not there, for damaged data if a line is malformed.
    static func entries(of path: String) throws -> [Entry] {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else {
            let code: Failure.Code = errno == ENOENT ? .noSuchStore : .inputOutput
            throw Failure(code, "the journal cannot be opened: \(TraceError.text(ofSystemError: errno))")
        }
        defer { close(number) }
        let bytes = try FileDescriptor(number: number).readToEnd()
        var entries: [Entry] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let fields = rest[..<end].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard fields.count == 2, let key = UInt64(String(decoding: fields[0], as: UTF8.self)),
                let version = UInt64(String(decoding: fields[1], as: UTF8.self))
            else { throw Failure(.damagedData, "line \(entries.count + 1) of the journal is malformed") }
            entries.append(Entry(key: key, version: version))
            rest = rest[(end + 1)...]
        }
        return entries
    }
}
