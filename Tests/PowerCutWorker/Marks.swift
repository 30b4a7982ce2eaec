import DurabilityKit
import Glibc
import Synchronization

/// The file of marks: what was issued and acknowledged, for the recorder's log.
final class Marks: Sendable {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw SystemError("open marks") }
    }

    /// Writes a mark of one or more lines.
    func write(_ mark: String) throws {
        let bytes = Array((mark + "\n").utf8)
        guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw SystemError("write marks")
        }
    }

    func issued(lane: Int, _ number: Int) throws {
        try write("issued \(number)\nlane \(lane) issued \(number)")
    }

    func acknowledged(lane: Int, _ number: Int) throws {
        try write("lane \(lane) acked \(number)\nacked \(number)")
    }

    /// The lines of a file; none if it is not there.
    static func read(_ path: String) -> [String] {
        return String(decoding: Files.bytes(of: path), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Says a line at once: the parent reads it, and the process may die with the next image.
func say(_ line: String) {
    let bytes = Array((line.split(separator: "\n").joined(separator: " ") + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
}

/// Whether a file is there.
func exists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
}
