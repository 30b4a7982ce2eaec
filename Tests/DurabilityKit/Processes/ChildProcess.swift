internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

// Named apart from the methods that use them.
private let sendSignal: @Sendable (Int32, Int32) -> Int32 = { kill($0, $1) }

/// Writing to a process that is dead must not end this one.
private let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

/// A child process that is told lines on its standard input, answers lines on its standard output, and can be killed at any moment.
///
/// Its standard error is this process's. The C library starts it without `fork`'s handlers, so open stores do not notice.
public final class ChildProcess: Sendable {
    /// Its process id.
    public let identifier: Int32
    private let input: Int32
    private let output: Int32
    private let received = Mutex<[UInt8]>([])
    private let status = Mutex<Int32?>(nil)

    /// How a process ended.
    public enum Ending: Equatable, Sendable {
        /// It returned this code.
        case exited(Int32)
        /// This signal ended it.
        case killed(Int32)
    }

    /// Starts `executable`, with `environment` beside the variables of this process.
    ///
    /// - Throws: ``SystemError``.
    public init(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let (childInput, input) = try Self.makePipe()
        let (output, childOutput) = try Self.makePipe()
        self.input = input
        self.output = output
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = unsafe posix_spawn_file_actions_t()
        #endif
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, childInput, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, childOutput, 1)
        var arguments =
            unsafe ([executable] + arguments).map { unsafe strdup($0) } + [nil as UnsafeMutablePointer<CChar>?]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") }
        defer { unsafe variables.forEach { unsafe free($0) } }
        var inherited = unsafe environ
        while let variable = unsafe inherited.pointee {
            unsafe variables.append(strdup(variable))
            unsafe inherited += 1
        }
        unsafe variables.append(nil)
        var identifier = pid_t()
        let code = unsafe posix_spawn(&identifier, executable, &actions, nil, &arguments, &variables)
        close(childInput)
        close(childOutput)
        guard code == 0 else {
            close(input)
            close(output)
            throw SystemError("posix_spawn \(executable)", code: code)
        }
        self.identifier = identifier
    }

    deinit {
        if status.withLock({ $0 }) == nil {
            Self.killAndReap(identifier)
        }
        close(input)
        close(output)
    }

    private static func killAndReap(_ identifier: Int32) {
        _ = sendSignal(identifier, SIGKILL)
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) == -1 && errno == EINTR {}
    }

    /// A pipe whose ends no other child inherits.
    private static func makePipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw SystemError("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Tells the process a line. A process that is dead hears nothing.
    public func send(_ line: String) {
        _ = ignoreBrokenPipes
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(input, $0.baseAddress, $0.count) }
    }

    /// The next line that the process says; `nil` if it says no more.
    ///
    /// - Throws: ``SystemError`` (`ETIMEDOUT`) if nothing comes for so long that the process must hang.
    public func readLine(timeoutSeconds: Int32 = 60) throws -> String? {
        try received.withLock { received in
            while true {
                if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                    defer { received.removeSubrange(...end) }
                    return String(decoding: received[..<end], as: UTF8.self)
                }
                var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
                let ready = unsafe poll(&descriptor, 1, timeoutSeconds * 1_000)
                if ready == 0 { throw SystemError("child \(identifier) is silent", code: ETIMEDOUT) }
                if ready < 0 {
                    if errno == EINTR { continue }
                    throw SystemError("poll")
                }
                var chunk = [UInt8](repeating: 0, count: 4_096)
                let count = unsafe read(output, &chunk, chunk.count)
                if count <= 0 { return nil }
                received.append(contentsOf: chunk[..<count])
            }
        }
    }

    /// Ends the process with SIGKILL, wherever it is, and waits until it is gone.
    @discardableResult
    public func kill() -> Ending {
        signal(SIGKILL)
        return wait()
    }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        status.withLock { status in
            if status == nil { _ = sendSignal(identifier, number) }
        }
    }

    /// Whether the process has ended, without waiting for it.
    public var hasEnded: Bool {
        status.withLock { status in
            if status != nil { return true }
            var raw: Int32 = 0
            guard unsafe waitpid(identifier, &raw, WNOHANG) == identifier else { return false }
            status = raw
            return true
        }
    }

    /// Waits until the process ends.
    public func wait() -> Ending {
        let raw = status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            while unsafe waitpid(identifier, &raw, 0) == -1 && errno == EINTR {}
            status = raw
            return raw
        }
        return raw & 0x7F == 0 ? .exited((raw >> 8) & 0xFF) : .killed(raw & 0x7F)
    }

    /// Whether a process of this id is alive.
    public static func isAlive(_ identifier: Int32) -> Bool {
        sendSignal(identifier, 0) == 0
    }
}
