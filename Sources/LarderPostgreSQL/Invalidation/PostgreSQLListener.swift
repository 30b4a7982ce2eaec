#if PostgreSQL
    internal import Dispatch
    public import Larder

    /// A connection that listens for what other writers have changed, and has caches forget it.
    ///
    /// Whoever changes a table says so with `NOTIFY`, or has a trigger say so, on a channel of the cache's. The payload names what is no longer so:
    /// `key:TEXT`, `tag:TEXT`, `prefix:TEXT` (where keys are strings), or `all`; whatever else it says means `all`.
    ///
    /// The caches that it guards hold only what it would have been told of. When the connection is lost, they drop everything, at once, and until it is
    /// back and listening again loads answer and are not kept; it comes back by itself. It runs on a thread of its own, and blocks no other.
    ///
    /// ```swift
    /// let listener = try PostgreSQLListener("host=/run/postgresql dbname=shop")
    /// let users = try await store.cache("users", key: .int, value: .string)
    ///     .through(source, guardedBy: listener, channel: "users")
    /// ```
    public final class PostgreSQLListener: Sendable {
        /// How a listener behaves towards its server.
        public struct Options: Hashable, Sendable {
            /// After how long a silence the server is asked whether it is there. 10 seconds unless said otherwise.
            public var heartbeat: Duration
            /// How long it has for an answer before the connection counts as lost. 5 seconds unless said otherwise.
            public var answerTimeout: Duration
            /// How long after a loss, or a failure to connect, it is tried again. A second unless said otherwise.
            public var reconnectDelay: Duration

            /// Makes options.
            public init(
                heartbeat: Duration = .seconds(10), answerTimeout: Duration = .seconds(5),
                reconnectDelay: Duration = .seconds(1)
            ) {
                self.heartbeat = heartbeat
                self.answerTimeout = answerTimeout
                self.reconnectDelay = reconnectDelay
            }
        }

        private let loop: ListenerLoop

        /// Makes a listener, which connects in the background.
        ///
        /// - Parameter parameters: A connection string or URI, as libpq reads it. A pooler that hands out connections by transaction forgets what was
        ///   listened for, so it must lead to the server itself.
        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected`` where the process has no file descriptors to spare.
        public init(_ parameters: String, options: Options = .init()) throws(PostgreSQLError) {
            let loop = try ListenerLoop(parameters, options)
            self.loop = loop
            DispatchQueue(label: "larder.postgresql.listener").async { loop.run() }
        }

        deinit {
            loop.stop()
        }

        /// Stops listening, for good: the caches drop what they hold and keep nothing any more. It holds on to their stores until then. Happens by
        /// itself when the last cache that it guards is gone, and the listener with it.
        public func stop() {
            loop.stop()
        }

        /// How often it has connected: one more each time it has come back.
        public var connections: Int {
            loop.connections
        }

        func add(_ cacheGuard: CacheGuard) {
            loop.add(cacheGuard)
        }
    }

    extension Cache where Key: Hashable & LosslessStringConvertible {
        /// Puts the cache in front of its source, as `through(_:options:)` does, and has it forget what a listener hears of.
        ///
        /// What is in it already goes, since nobody has listened meanwhile. A write through the cache that makes a trigger notify is heard of
        /// like any other, and leaves its key absent.
        ///
        /// - Parameter channel: The name of the channel, in the letter case in which `NOTIFY` or `pg_notify` spells it: `NOTIFY Users` is on `users`.
        /// - Throws: As `through(_:options:)` and `removeAll()`; ``PostgreSQLError/Code-swift.struct/invalidText`` for a channel's name that is empty,
        ///   longer than 63 bytes, or holds a NUL.
        public func through<Origin: Source>(
            _ source: Origin, options: SourceOptions = .init(), guardedBy listener: PostgreSQLListener, channel: String
        ) async throws -> SourcedCache<Origin> where Origin.Key == Key, Origin.Value == Value {
            guard 1...63 ~= channel.utf8.count, !channel.utf8.contains(0) else { throw PostgreSQLError(.invalidText) }
            let cacheGuard = CacheGuard(self, channel: channel)
            var options = options
            let mayKeep = options.mayKeep
            options.mayKeep = { [listener] in
                // The listener is there for as long as the cache is.
                withExtendedLifetime(listener) { cacheGuard.isGuarded && mayKeep() }
            }
            let sourced = try through(source, options: options)
            try await removeAll()
            listener.add(cacheGuard)
            return sourced
        }
    }
#endif
