#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where the build has put the program that tests start as a child process.
public enum WorkerExecutable {
    /// Its path: beside this program, or beside the bundle that this program runs the tests of.
    ///
    /// - Throws: ``SystemError`` (`ENOENT`) if it was not built.
    public static func path() throws -> String {
        for image in ["/proc/self/exe"] + CommandLine.arguments {
            guard let resolved = unsafe realpath(image, nil) else { continue }
            defer { unsafe free(resolved) }
            if let path = unsafe path(above: String(cString: resolved)) { return path }
        }
        throw SystemError("DurabilityWorker", code: ENOENT)
    }

    private static func path(above image: String) -> String? {
        var directory = Substring(image)
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let candidate = directory + "/DurabilityWorker"
            var status = stat()
            if unsafe stat(String(candidate), &status) == 0, status.st_mode & S_IFMT == S_IFREG {
                return String(candidate)
            }
        }
        return nil
    }
}
