import Foundation

/// A pseudo-terminal for a tool to write to.
final class Terminal {
    private let master: Int32
    private let slave: Int32

    init() throws {
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        guard unsafe openpty(&ends.master, &ends.slave, nil, nil, nil) == 0 else {
            throw CocoaError(.fileNoSuchFile)
        }
        (master, slave) = ends
    }

    deinit {
        close(master)
        close(slave)
    }

    /// Runs the tool with its standard output or its standard error on the terminal; returns what was written there, with line ends as the
    /// terminal shows them. It must be less than the terminal buffers, 4 KiB.
    func run(_ arguments: String..., showing stream: WritableKeyPath<Streams, FileHandle>) throws -> String {
        var streams = Streams()
        streams[keyPath: stream] = FileHandle(fileDescriptor: slave)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Tool.path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = streams.output
        process.standardError = streams.errors
        try process.runToEnd()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var pending = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&pending, 1, 0) == 1 else { return "" }
        let count = unsafe read(master, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    /// Where a tool writes.
    struct Streams {
        var output = FileHandle.nullDevice
        var errors = FileHandle.nullDevice
    }
}
