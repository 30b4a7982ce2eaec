public import Larder

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

// Named apart from the methods that use them.
private let writeBytes: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { unsafe write($0, $1, $2) }
private let readBytes: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { unsafe read($0, $1, $2) }

/// A system of record that outlives the processes that use it: a directory with a file for each key. A write appears whole or not at all.
public struct FileDatabase: WritableSource {
    private let path: String
    /// How long a load takes, so that those of several processes meet.
    private let delay: Duration
    /// Is told of the steps of a write that the database makes.
    private let observer: @Sendable (Step) -> Void

    /// The steps of a write that lie inside of the database.
    public enum Step: String, CaseIterable, Sendable {
        /// It has the request and has not applied it yet: see ``applyRequests()``.
        case received
        /// It has applied the write and not said so yet.
        case applied
    }

    /// The database in a directory, which is made if it is not there.
    public init(
        at path: String, delay: Duration = .zero, observer: @escaping @Sendable (Step) -> Void = { _ in }
    ) {
        self.path = path
        self.delay = delay
        self.observer = observer
        unsafe mkdir(path, 0o700)
    }

    /// The value of a key.
    public func load(_ key: Int) async throws -> Int? {
        try append("\(key)\n", to: "loads")
        let value = try value(of: key)
        if delay > .zero { try await Task.sleep(for: delay) }
        return value
    }

    /// Sets the value of a key.
    public func store(_ value: Int, for key: Int) async throws {
        try request("\(value)", key)
    }

    /// Removes the value of a key.
    public func remove(_ key: Int) async throws {
        try request("", key)
    }

    /// Writes as a database does: takes the request, applies it, says so.
    private func request(_ text: String, _ key: Int) throws {
        let name = "\(path)/request.\(getpid()).\(key)"
        try Self.write(text, to: name)
        observer(.received)
        guard unsafe rename(name, "\(path)/row.\(key)") == 0 else { throw SystemError("rename") }
        observer(.applied)
    }

    /// Applies the requests that were received from processes that have died since. Returns how many there were.
    public func applyRequests() throws -> Int {
        let names = ScratchDirectory.names(in: path).filter { $0.hasPrefix("request.") }
        for name in names {
            guard let key = name.split(separator: ".").last else { continue }
            guard unsafe rename("\(path)/\(name)", "\(path)/row.\(key)") == 0 else { throw SystemError("rename") }
        }
        return names.count
    }

    /// The value of a key as it stands; `nil` if there is none.
    public func value(of key: Int) throws -> Int? {
        try Self.read("\(path)/row.\(key)").flatMap { Int($0) }
    }

    /// The key of each load that any process has begun.
    public func loads() throws -> [Int] {
        try (Self.read("\(path)/loads") ?? "").split(separator: "\n").compactMap { Int($0) }
    }

    private static func write(_ text: String, to name: String) throws {
        try withFile(name, O_WRONLY | O_CREAT | O_TRUNC) { descriptor in
            let bytes = Array(text.utf8)
            let count = unsafe bytes.withUnsafeBytes { unsafe writeBytes(descriptor, $0.baseAddress, $0.count) }
            guard count == bytes.count else { throw SystemError("write") }
        }
    }

    private func append(_ text: String, to name: String) throws {
        try Self.withFile("\(path)/\(name)", O_WRONLY | O_CREAT | O_APPEND) { descriptor in
            let bytes = Array(text.utf8)
            let count = unsafe bytes.withUnsafeBytes { unsafe writeBytes(descriptor, $0.baseAddress, $0.count) }
            guard count == bytes.count else { throw SystemError("write") }
        }
    }

    private static func read(_ name: String) throws -> String? {
        guard unsafe access(name, F_OK) == 0 else { return nil }
        var text: [UInt8] = []
        try withFile(name, O_RDONLY) { descriptor in
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = unsafe readBytes(descriptor, &chunk, chunk.count)
                guard count > 0 else { return }
                text.append(contentsOf: chunk[..<count])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func withFile(_ name: String, _ flags: Int32, _ body: (Int32) throws -> Void) throws {
        let descriptor = unsafe open(name, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(name)") }
        defer { close(descriptor) }
        try body(descriptor)
    }
}
