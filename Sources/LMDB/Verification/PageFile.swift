#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads pages of a data file with `pread`: what is not there is an error, where LMDB's map would kill the process.
final class PageFile {
    private let descriptor: Int32
    let pageSize: Int
    /// Bytes of the file.
    let length: Int

    init(path: String, pageSize: Int) throws(LMDBError) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LMDBError(.init(rawValue: errno), operation: "open", path: path) }
        self.pageSize = pageSize
        length = try FileSystem.size(of: path).length
    }

    deinit {
        close(descriptor)
    }

    /// `count` pages from page `number` on, or `nil` if they are not all there or cannot be read.
    func page(_ number: UInt64, count: Int = 1) -> Page? {
        guard number < UInt64(Int.max / pageSize), count > 0, count <= length / pageSize + 1 else { return nil }
        let size = count * pageSize
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < size {
            let read = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(
                    descriptor, buffer.baseAddress! + done, size - done, off_t(number) * off_t(pageSize) + off_t(done))
            }
            if read < 0, errno == EINTR { continue }
            guard read > 0 else { return nil }
            done += read
        }
        return Page(bytes: bytes)
    }
}
