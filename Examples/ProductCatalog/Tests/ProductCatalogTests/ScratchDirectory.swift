internal import Foundation

/// A directory that a test has to itself, until it is released.
final class ScratchDirectory: Sendable {
    /// Its path.
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "product-catalog.\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
