#if PostgreSQL
    internal import Larder
    internal import Synchronization

    /// What the thread of a ``PostgreSQLListener`` does: connect, listen, drop what it is told, and drop everything when the connection is lost.
    final class ListenerLoop: Sendable {
        private struct State {
            var guards: [CacheGuard] = []
            var isStopped = false
            var connections = 0
        }

        private let parameters: String
        private let options: PostgreSQLListener.Options
        private let wake: WakePipe
        private let state = Mutex(State())

        init(_ parameters: String, _ options: PostgreSQLListener.Options) throws(PostgreSQLError) {
            self.parameters = parameters
            self.options = options
            wake = try WakePipe()
        }

        // MARK: From outside

        /// Adds a cache; it is guarded soon, if there is a connection.
        func add(_ cacheGuard: CacheGuard) {
            state.withLock { $0.guards.append(cacheGuard) }
            wake.wake()
        }

        /// Lets the thread end, after it has dropped everything.
        func stop() {
            state.withLock { $0.isStopped = true }
            wake.wake()
        }

        /// How often it has connected.
        var connections: Int {
            state.withLock { $0.connections }
        }

        private var guards: [CacheGuard] {
            state.withLock { $0.guards }
        }

        private var isStopped: Bool {
            state.withLock { $0.isStopped }
        }

        // MARK: On the thread

        /// Runs until it is stopped.
        func run() {
            while !isStopped {
                do {
                    try listen()
                } catch {
                    // Whatever it was, a connection that broke or a disk that is full: nobody has heard, or could act on, what was said since.
                }
                loseAll()
                if !isStopped { pause() }
            }
        }

        /// Connects and does what notifications say. Returns when it is stopped.
        private func listen() throws {
            var session = try Session.open(parameters, patience)
            state.withLock { $0.connections += 1 }
            while !isStopped {
                try guardNew(&session)
                try drop(session.notifications())
                switch try session.waitForInput(.lasting(options.heartbeat, wake: wake)) {
                case .ready: break
                case .woken: wake.drain()
                case .timedOut: try session.execute("SELECT 1", [], patience)
                }
            }
        }

        /// Listens for the caches that are not guarded yet. What they hold was kept while nobody listened.
        private func guardNew(_ session: inout Session) throws {
            for cacheGuard in guards where !cacheGuard.isGuarded {
                try session.listen(on: cacheGuard.channel, patience)
                try removingClosed(cacheGuard) { try cacheGuard.begin() }
            }
        }

        private func drop(_ notifications: [Session.Notification]) throws {
            if notifications.isEmpty { return }
            let payloads = Dictionary(grouping: notifications, by: \.channel)
            for cacheGuard in guards {
                guard let payloads = payloads[cacheGuard.channel] else { continue }
                try removingClosed(cacheGuard) {
                    try cacheGuard.drop(payloads.map { Invalidation(payload: $0.payload) })
                }
            }
        }

        /// The connection is gone: nothing is kept from now on, and all that was kept goes.
        private func loseAll() {
            let lost = guards.filter(\.isGuarded)
            for cacheGuard in lost { cacheGuard.end() }
            for cacheGuard in lost {
                while true {
                    do {
                        try removingClosed(cacheGuard) { try cacheGuard.dropAll() }
                        break
                    } catch {
                        // It must go before anything else is done: a full disk has room again some time.
                        if isStopped { break }
                        pause()
                    }
                }
            }
        }

        /// Does something to a cache, which is forgotten if its store was closed or it is gone.
        private func removingClosed(_ cacheGuard: CacheGuard, _ body: () throws -> Void) throws {
            do {
                try body()
            } catch let error as LarderError where [.closed, .cacheDropped].contains(error.code) {
                cacheGuard.end()
                state.withLock { state in state.guards.removeAll { $0 === cacheGuard } }
            }
        }

        /// Time for the server to answer.
        private var patience: Patience {
            .lasting(options.answerTimeout)
        }

        /// Waits before the next attempt, unless it is stopped.
        private func pause() {
            let end = ContinuousClock.now + options.reconnectDelay
            let patience = Patience(wake: nil, deadline: end)
            while !isStopped, case .ready = patience.wait(for: wake.descriptor, Patience.readable) { wake.drain() }
        }
    }
#endif
