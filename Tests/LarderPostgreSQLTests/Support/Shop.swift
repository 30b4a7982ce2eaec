#if PostgreSQL
    import Larder
    import LarderPostgreSQL
    import Synchronization
    import TestSupport

    /// A server with a table of products, a cache in front of it, and another writer that knows nothing of the cache.
    struct Shop {
        typealias Source = PostgreSQLSource<Int, String>

        let scratch = ScratchDirectory()
        let clock = ShiftedClock()
        let server: PostgreSQLServer
        /// The connections of the source.
        let database: PostgreSQLDatabase
        /// Somebody else's.
        let other: PostgreSQLDatabase
        let store: Store
        let cache: Cache<Int, String>

        static let select = "SELECT id, name FROM products WHERE id = ANY($1)"
        static let insert = "INSERT INTO products VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name"

        init(connections: Int = 2) async throws {
            server = try await PostgreSQLServer()
            database = try PostgreSQLDatabase(
                server.parameters + " application_name=source", connections: connections,
                connectionTimeout: .seconds(60))
            other = try PostgreSQLDatabase(server.parameters, connections: 1, connectionTimeout: .seconds(60))
            store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
            cache = try store.cache("products", key: .int, value: .string)
            try await other.execute(
                "CREATE TABLE products (id bigint PRIMARY KEY, name text NOT NULL CHECK (name <> ''))")
            try await other.execute("INSERT INTO products VALUES (1, 'bread'), (2, 'butter'), (3, 'cheese')")
        }

        func source(load: String = Self.select, store: String = Self.insert) -> Source {
            Self.source(database, load: load, store: store)
        }

        static func source(_ database: PostgreSQLDatabase, load: String = select, store: String = insert) -> Source {
            Source(
                database, load: load, store: store,
                remove: "DELETE FROM products WHERE id = $1", columns: { [$0] }, value: { $0[0] ?? "" },
                attributes: { name, _ in EntryAttributes(tags: ["initial \(name.prefix(1))"]) })
        }

        func listener(
            heartbeat: Duration = .seconds(10), answerTimeout: Duration = .seconds(60),
            reconnectDelay: Duration = .milliseconds(20)
        ) throws -> PostgreSQLListener {
            try PostgreSQLListener(
                server.parameters + " application_name=listener",
                options: .init(heartbeat: heartbeat, answerTimeout: answerTimeout, reconnectDelay: reconnectDelay))
        }

        /// Has every change of the table told to who listens on `products`.
        func addTrigger() async throws {
            try await other.execute(
                """
                CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_notify('products', 'key:' || coalesce(new.id, old.id));
                    RETURN NULL;
                END $$
                """)
            try await other.execute(
                "CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON products FOR EACH ROW EXECUTE FUNCTION tell()")
        }

        /// Waits until one statement sleeps.
        func waitForSleeper() async throws {
            try await eventually {
                try await other.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").count == 1
            }
        }

        /// What the table has, as somebody else sees it.
        func row(_ id: Int) async throws -> String? {
            try await other.execute("SELECT name FROM products WHERE id = $1", [String(id)]).first?[0]
        }

        /// Reads every product until the cache keeps what it loads.
        func fill<Origin>(_ sourced: SourcedCache<Origin>) async throws
        where Origin.Key == Int, Origin.Value == String {
            try await eventually {
                _ = try await sourced.values(for: 1...3)
                return try await kept(in: sourced.cache).count == 3
            }
        }

        /// What a cache holds once everything that is on its way has arrived.
        func kept<Key, Value>(in cache: Cache<Key, Value>) async throws -> [Key: Value] where Key: Hashable {
            try await store.write { _ in }
            return Dictionary(uniqueKeysWithValues: try cache.entries().map { ($0.key, $0.value) })
        }

        /// The process that serves the connection of that name.
        func backend(_ name: String) async throws -> String {
            let rows = try await other.execute(
                "SELECT pid::text FROM pg_stat_activity WHERE application_name = $1", [name])
            return (rows.first?[0] ?? nil) ?? ""
        }

        /// Breaks the connection of that name, from the server's side.
        func breakConnection(_ name: String) async throws {
            try await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [name])
        }
    }

    /// The system's clock, which can be moved on.
    final class ShiftedClock: Sendable {
        private let shift = Atomic<UInt64>(0)

        /// Moves it on.
        func advance(milliseconds: UInt64) {
            shift.add(milliseconds, ordering: .sequentiallyConsistent)
        }

        /// The clock as a store takes it.
        var wallClock: WallClock {
            WallClock { [self] in WallClock.system.now() + shift.load(ordering: .sequentiallyConsistent) }
        }
    }

    /// Waits until `condition` holds, looking again and again. A test in which it never holds fails by its time limit.
    func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// The code of the error that `body` throws, if it is one of PostgreSQL's.
    func postgreSQLCode(of body: () async throws -> Void) async -> PostgreSQLError.Code? {
        await failure(PostgreSQLError.self, of: body)?.code
    }

    /// The code of the error that `body` throws, if it is one of Larder's.
    func code(of body: () async throws -> Void) async -> LarderError.Code? {
        await failure(LarderError.self, of: body)?.code
    }
#endif
