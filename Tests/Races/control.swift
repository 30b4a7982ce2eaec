// What ThreadSanitizer must accept, and what it must report, in a few lines each; run by scripts/check-races. The argument says which.
import Glibc
import Synchronization

/// What is handed from one thread to another, which nothing protects but the order of events.
final class Unprotected: Sendable {
    nonisolated(unsafe) var value = 0
    let isReady = Atomic(false)
}

final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, argument)
    return thread
}

/// Threads count together, often at the same moment.
func count(locking: Bool) -> Int {
    final class Counter: Sendable {
        let count = Mutex(0)
    }
    let counter = Counter()
    let unprotected = Unprotected()
    let threads = (0..<4).map { _ in
        startThread {
            for _ in 0..<100_000 {
                if locking { counter.count.withLock { $0 += 1 } } else { unprotected.value += 1 }
            }
        }
    }
    for thread in threads { pthread_join(thread, nil) }
    return locking ? counter.count.withLock { $0 } : unprotected.value
}

/// A thread hands over a number by a flag.
func publish(releasing: Bool) -> Int {
    let box = Unprotected()
    let thread = startThread {
        box.value = 1
        if releasing {
            box.isReady.store(true, ordering: .releasing)
        } else {
            box.isReady.store(true, ordering: .relaxed)
        }
    }
    while !box.isReady.load(ordering: .acquiring) { sched_yield() }
    let value = box.value
    pthread_join(thread, nil)
    return value
}

/// Threads hand over numbers by continuations, which are resumed now before, now after they are awaited.
func resume(writingFirst: Bool) async -> Int {
    var sum = 0
    for round in 0..<2_000 {
        let box = Unprotected()
        await withCheckedContinuation { continuation in
            let thread = startThread {
                if writingFirst { box.value = round }
                continuation.resume()
                if !writingFirst { box.value = round }
            }
            pthread_detach(thread)
            if round.isMultiple(of: 4) { usleep(200) }
        }
        sum += box.value
    }
    return sum
}

@main struct Control {
    static func main() async {
        switch CommandLine.arguments.last {
        case "locked": print(count(locking: true))
        case "unlocked": print(count(locking: false))
        case "released": print(publish(releasing: true))
        case "relaxed": print(publish(releasing: false))
        case "resumed-after": print(await resume(writingFirst: true))
        case "resumed-before": print(await resume(writingFirst: false))
        default: exit(2)
        }
    }
}
