import Foundation

/// A directory that no other test uses; it goes with the last reference.
final class ScratchDirectory: Sendable {
    /// The directory, which exists and is empty.
    let path: String

    init() {
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
    var store: String {
        path + "/store"
    }
}

/// The names in a directory, sorted.
func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

/// The permission bits of a file.
func permissions(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? Int) ?? -1
}

/// Whether a file is there, whatever it is.
func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
}

/// Makes or replaces a file.
func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// A file's bytes.
func contents(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}
