#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread of the store's own, so that what it does neither blocks the cooperative pool nor depends on its progress.
enum BackgroundThread {
    /// Lets the calling thread sleep.
    static func pause(for duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec()
        time.tv_sec = Int(seconds)
        time.tv_nsec = Int(attoseconds / 1_000_000_000)
        _ = unsafe nanosleep(&time, nil)
    }

    /// Starts a thread that runs `body` to its end.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/fileSystem`` where the system has no thread to give.
    static func start(_ body: @escaping @Sendable () -> Void) throws {
        final class Body {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        let context = unsafe Unmanaged.passRetained(Body(body))
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = unsafe pthread_create(
                &thread, nil,
                { argument in
                    unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, context.toOpaque())
        #else
            var thread = pthread_t()
            let code = unsafe pthread_create(
                &thread, nil,
                { argument in
                    unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                    return nil
                }, context.toOpaque())
        #endif
        guard code == 0 else {
            unsafe context.release()
            throw LarderError(.fileSystem, "no thread could be started: error \(code)")
        }
        #if canImport(Darwin)
            if let thread = unsafe thread { unsafe pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
    }
}
