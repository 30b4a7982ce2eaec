#if PostgreSQL
    #if canImport(Darwin)
        internal import Darwin
    #elseif canImport(Glibc)
        internal import Glibc
    #elseif canImport(Musl)
        internal import Musl
    #endif

    /// For how long a thread waits for a server: until a moment, until it is woken, or whichever is first.
    struct Patience: Sendable {
        var wake: WakePipe?
        var deadline: ContinuousClock.Instant?

        /// For so long, and no longer than until it is woken.
        static func lasting(_ duration: Duration, wake: WakePipe? = nil) -> Patience {
            Patience(wake: wake, deadline: .now + duration)
        }

        /// For ``wait(for:_:)``: there is something to read.
        static let readable = Int32(POLLIN)
        /// For ``wait(for:_:)``: something can be written.
        static let writable = Int32(POLLOUT)

        /// Whether a socket is ready, or why it was not waited for any longer.
        enum Outcome: Sendable {
            case ready
            case woken
            case timedOut
        }

        /// Blocks the thread until a socket is ready for what is in `events`, or the patience has ended.
        func wait(for socket: Int32, _ events: Int32) -> Outcome {
            var requests = [pollfd(fd: socket, events: Int16(events), revents: 0)]
            if let wake { requests.append(pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)) }
            while true {
                let count = unsafe poll(&requests, nfds_t(requests.count), remainingMilliseconds)
                if count == 0, remainingMilliseconds == 0 { return .timedOut }
                guard count > 0 else { continue }
                if requests.count > 1, requests[1].revents != 0 { return .woken }
                return .ready
            }
        }

        /// For `poll`, which takes -1 for no limit. Rounded up, so that it does not return early again and again.
        private var remainingMilliseconds: Int32 {
            guard let deadline else { return -1 }
            let (seconds, attoseconds) = ContinuousClock.now.duration(to: deadline).components
            if seconds < 0 || attoseconds < 0 { return 0 }
            let milliseconds = attoseconds / 1_000_000_000_000_000 + 1
            return Int32(min(seconds, 1_000_000)) * 1_000 + Int32(milliseconds)
        }
    }
#endif
