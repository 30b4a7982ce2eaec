#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A pipe with a name in the file system, over which two processes tell each other that something is done.
package final class NamedPipe: Sendable {
    private let descriptor: Int32

    /// Opens the pipe at `path`, and makes it if it is not there.
    package init(_ path: String) {
        unsafe mkfifo(path, 0o600)
        // For both directions, so that opening waits for nobody.
        descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        precondition(descriptor >= 0, "a pipe for a test")
    }

    deinit {
        close(descriptor)
    }

    /// Tells whoever receives.
    package func send() {
        var byte: UInt8 = 1
        _ = unsafe write(descriptor, &byte, 1)
    }

    /// Blocks the thread until somebody has sent; gives up after five minutes, when the other process must be gone. (It may start late: other tests take turns with it.)
    ///
    /// - Returns: Whether somebody has sent.
    package func receive() -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&request, 1, 300_000) == 1 else { return false }
        var byte: UInt8 = 0
        return unsafe read(descriptor, &byte, 1) == 1
    }
}
