import DurabilityKit
import Glibc

/// Small files, read and written whole.
enum Files {
    static func bytes(of path: String) -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = unsafe fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    static func write(_ bytes: [UInt8], to path: String) {
        guard let file = unsafe fopen(path, "w") else { return }
        defer { unsafe fclose(file) }
        _ = unsafe fwrite(bytes, 1, bytes.count, file)
    }

    static func remove(_ path: String) {
        unsafe unlink(path)
    }

    /// Lets the process open so many descriptors more than it has.
    static func limitDescriptors(toMore count: Int) throws {
        let next = dup(0)
        close(next)
        let limit = rlim_t(Int(next) + count)
        var limits = rlimit(rlim_cur: limit, rlim_max: limit)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else {
            throw SystemError("setrlimit")
        }
    }
}
