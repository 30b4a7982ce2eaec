#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Forks, runs `body` in the child and returns the child's exit status in the parent: what `body` returned, 0 to 255, or -1 for a child
/// that did not exit by itself.
///
/// The child has one thread, whatever locks the others held at that moment, so this is for the process of an exit test.
package func inForkedChild(_ body: () -> Int32) -> Int32 {
    // Swift does not offer `fork` on every platform.
    typealias Fork = @convention(c) () -> pid_t
    guard let symbol = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork") else { return -1 }
    let fork = unsafe unsafeBitCast(symbol, to: Fork.self)
    let child = fork()
    if child == 0 { _exit(body()) }
    var status: Int32 = 0
    guard child > 0, unsafe waitpid(child, &status, 0) == child, status & 0x7F == 0 else { return -1 }
    return (status >> 8) & 0xFF
}

/// Ends the process at once, as a crash or an operator would.
package func killSelf() {
    kill(getpid(), SIGKILL)
}

/// Limits the address space of the process to what it has now and so much more. Returns whether the system does so.
package func limitAddressSpace(toMore bytes: Int) -> Bool {
    #if os(Linux)
        guard let file = unsafe fopen("/proc/self/statm", "r") else { return false }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard unsafe fgets(&line, Int32(line.count), file) != nil else { return false }
        let pages = unsafe strtol(line, nil, 10)
        let limit = rlim_t(pages * sysconf(Int32(_SC_PAGESIZE)) + bytes)
        var limits = rlimit(rlim_cur: limit, rlim_max: limit)
        return unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits) == 0
    #else
        return false
    #endif
}

/// Mounts a file system in memory at `path`, for this process alone: it goes with the process. Returns whether the system allows it.
package func mountPrivately(at path: String, bytes: Int) -> Bool {
    #if os(Linux)
        typealias Unshare = @convention(c) (Int32) -> Int32
        let newMountNamespace: Int32 = 0x0002_0000
        guard let symbol = unsafe dlsym(nil, "unshare") else { return false }
        let unshare = unsafe unsafeBitCast(symbol, to: Unshare.self)
        let privateRecursive = UInt(1 << 18 | 1 << 14)
        guard unshare(newMountNamespace) == 0, unsafe mount("none", "/", nil, privateRecursive, nil) == 0 else {
            return false
        }
        return unsafe "size=\(bytes)".withCString { unsafe mount("none", path, "tmpfs", 0, $0) == 0 }
    #else
        return false
    #endif
}

/// Makes a file system that this process mounted read-only.
package func remountReadOnly(_ path: String) -> Bool {
    #if os(Linux)
        let remountReadOnly = UInt(1 << 5 | 1 << 0)
        return unsafe mount("none", path, "tmpfs", remountReadOnly, nil) == 0
    #else
        return false
    #endif
}

/// Whether this process may mount file systems in a namespace of its own: root may, outside of most containers.
package let canMount: Bool = {
    #if os(Linux)
        // Asked in a child, since a namespace cannot be left again.
        return geteuid() == 0
            && inForkedChild { mountPrivately(at: "/mnt", bytes: 1 << 16) ? 0 : 1 } == 0
    #else
        return false
    #endif
}()

/// Lets this process, which is that of an exit test, put temporary files in another directory.
package func setTemporaryDirectory(_ path: String) {
    unsafe setenv("TMPDIR", path, 1)
}

/// Runs `body` while no file of this process, which is that of an exit test, can be written: each attempt fails with `EFBIG`.
package func withFailingWrites<Result>(_ body: () async throws -> Result) async throws -> Result {
    signal(SIGXFSZ, SIG_IGN)
    var limits = rlimit()
    func setLimit(_ size: rlim_t) {
        limits.rlim_cur = size
        #if os(Linux)
            let code = unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
        #else
            let code = unsafe setrlimit(RLIMIT_FSIZE, &limits)
        #endif
        precondition(code == 0, "a limit for a test")
    }
    #if os(Linux)
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
    #else
        unsafe getrlimit(RLIMIT_FSIZE, &limits)
    #endif
    let usual = limits.rlim_cur
    setLimit(0)
    defer { setLimit(usual) }
    return try await body()
}
