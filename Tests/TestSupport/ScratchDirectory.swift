internal import Foundation

/// A directory that no other test uses; it goes with the last reference.
package final class ScratchDirectory: Sendable {
    /// The directory, which exists and is empty.
    package let path: String

    package init() {
        path = NSTemporaryDirectory() + "larder-test." + UUID().uuidString
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            fatalError("no directory for a test: \(error)")
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A path in the directory where nothing is.
    package var store: String {
        path + "/store"
    }
}

/// The names in a directory, sorted.
package func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

/// The permission bits of a file.
package func permissions(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? Int) ?? -1
}

/// Whether a file is there, whatever it is.
package func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
}

/// Makes or replaces a file.
package func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// A file's bytes.
package func contents(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Writes a file until the file system that it lies on is full.
package func fill(_ path: String) throws {
    try write([], to: path)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    for size in [65_536, 4_096, 512, 1] {
        while (try? file.write(contentsOf: [UInt8](repeating: 0, count: size))) != nil {}
    }
    try? file.close()
}

/// Removes a file.
package func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: path)
}
