#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The signals that the tool answers in its own way.
enum Signals {
    /// Lets a write to a pipe that nobody reads fail, so that the command ends in order instead of being killed.
    static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Turns a crash inside LMDB into exit code 65.
    ///
    /// LMDB trusts the pages of its file. A damaged or truncated one can lead it outside the map (SIGBUS, SIGSEGV), to a division by zero
    /// (SIGFPE) or to an assertion (SIGABRT). Swift's own failures are other signals (SIGILL, SIGTRAP) and stay what they are.
    static func reportCrashesAsDamage() {
        for number in [SIGBUS, SIGSEGV, SIGFPE, SIGABRT] {
            signal(number) { number in
                // Nothing here may allocate or lock.
                let text: StaticString = """
                    Error: The file's pages cannot be read: they are damaged, or the file is shorter than it was; \
                    'kvtool verify' says more

                    """
                _ = unsafe write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
                _exit(Failure.Code.damagedData.rawValue)
            }
        }
    }
}
