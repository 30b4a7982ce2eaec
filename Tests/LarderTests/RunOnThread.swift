import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs `body` on a thread of its own and waits for it, without needing a thread of the cooperative pool.
func runOnThread(_ body: @escaping @Sendable () throws -> Void) throws {
    final class Work: Sendable {
        let body: @Sendable () throws -> Void
        let result = Mutex<Result<Void, any Error>?>(nil)

        init(_ body: @escaping @Sendable () throws -> Void) {
            self.body = body
        }
    }
    let work = Work(body)
    let context = unsafe Unmanaged.passRetained(work).toOpaque()
    #if canImport(Darwin)
        var thread: pthread_t?
        unsafe pthread_create(
            &thread, nil,
            { argument in
                let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                work.result.withLock { result in result = Result { try work.body() } }
                return nil
            }, context)
        unsafe pthread_join(thread!, nil)
    #else
        var thread = pthread_t()
        unsafe pthread_create(
            &thread, nil,
            { argument in
                let work = unsafe Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
                work.result.withLock { result in result = Result { try work.body() } }
                return nil
            }, context)
        pthread_join(thread, nil)
    #endif
    try work.result.withLock { try $0?.get() }
}
