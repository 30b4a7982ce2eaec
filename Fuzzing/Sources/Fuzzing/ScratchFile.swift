import Glibc

/// A file in a directory of its own, for parsers that read files. The directory goes with the process.
struct ScratchFile: Sendable {
    let directory: String
    let path: String

    /// A file of this name, empty at first.
    init(name: String) {
        var template = Array("/tmp/larder-fuzz-XXXXXX".utf8CString)
        guard let made = unsafe mkdtemp(&template) else { fatalError("mkdtemp: \(errno)") }
        directory = unsafe String(cString: made)
        path = directory + "/" + name
    }

    func write(_ bytes: [UInt8]) {
        guard let file = unsafe fopen(path, "w") else { fatalError("fopen: \(errno)") }
        _ = unsafe fwrite(bytes, 1, bytes.count, file)
        unsafe fclose(file)
    }
}
