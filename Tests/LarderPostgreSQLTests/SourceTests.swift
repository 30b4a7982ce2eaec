#if PostgreSQL
    import Larder
    import LarderPostgreSQL
    import TestSupport
    import Testing

    @Suite(
        .serialized, .timeLimit(.minutes(10)),
        .enabled(if: PostgreSQLServer.impossibility == nil, "\(PostgreSQLServer.impossibility ?? "")"))
    struct `PostgreSQL as a source` {
        @Test func `is read through, one key or many`() async throws {
            let shop = try await Shop()
            let products = try shop.cache.through(shop.source())
            #expect(try await products.value(for: 1) == "bread")
            #expect(try await products.value(for: 9) == nil)
            #expect(try await products.values(for: 1...4) == [1: "bread", 2: "butter", 3: "cheese"])
            #expect(try await shop.kept(in: shop.cache) == [1: "bread", 2: "butter", 3: "cheese"])
            // What is kept needs no server.
            shop.server.kill()
            #expect(try await products.values(for: [1, 2]) == [1: "bread", 2: "butter"])
        }

        @Test func `is asked by many at once over few connections`() async throws {
            let shop = try await Shop(connections: 2)
            try await shop.other.execute(
                "INSERT INTO products SELECT n, 'number ' || n FROM generate_series(10, 209) n")
            // A load's time begins before its turn comes.
            let products = try shop.cache.through(shop.source(), options: .init(loadTimeout: nil))
            let names = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
                for id in 10..<210 { group.addTask { (id, try await products.value(for: id)) } }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(names == Dictionary(uniqueKeysWithValues: (10..<210).map { ($0, "number \($0)") }))
        }

        @Test func `takes any text as a key and as a value`() async throws {
            let shop = try await Shop()
            try await shop.other.execute("CREATE TABLE texts (key text PRIMARY KEY, value text)")
            let source = PostgreSQLSource<String, String>(
                shop.database, load: "SELECT key, value FROM texts WHERE key = ANY($1)",
                store: "INSERT INTO texts VALUES ($1, $2)", remove: "DELETE FROM texts WHERE key = $1",
                columns: { [$0 == "nothing" ? nil : $0] }, value: { $0[0] ?? "NULL" })
            let texts = try shop.store.cache("texts", key: .string, value: .string).through(source)
            let keys = [
                "a", "NULL", "a,b", "{}", "\"", "\\", "\\\"", "a b", " ", "'; DROP TABLE texts", "é",
                "\\\u{301}",
                "\"\u{301}", "日本", "$1", "line\nbreak",
            ]
            for key in keys { try await texts.set("value of \(key)", for: key) }
            try await texts.set("nothing", for: "n")
            try await texts.invalidateAll()
            let loaded = try await texts.values(for: keys + ["n"])
            #expect(loaded.count == keys.count + 1)
            for key in keys { #expect(loaded[key] == "value of \(key)") }
            #expect(loaded["n"] == "NULL")
            await #expect(throws: PostgreSQLError(.invalidText)) { try await texts.value(for: "nul\0") }
        }

        @Test func `is written through`() async throws {
            let shop = try await Shop()
            let products = try shop.cache.through(shop.source())
            try await products.set("rye bread", for: 1)
            try await products.set("milk", for: 4)
            try await products.remove(2)
            #expect(try await shop.kept(in: shop.cache) == [1: "rye bread", 4: "milk"])
            #expect(try await shop.row(1) == "rye bread")
            #expect(try await shop.row(4) == "milk")
            #expect(try await shop.row(2) == nil)
            #expect(try await products.value(for: 2) == nil)
        }

        @Test func `refuses a write, which has then failed`() async throws {
            let shop = try await Shop()
            let products = try shop.cache.through(shop.source())
            _ = try await products.value(for: 1)
            do {
                try await products.set("", for: 1)
                Issue.record("the table does not take that")
            } catch let error as PostgreSQLError {
                #expect(error.code == .refused)
                #expect(error.sqlState == "23514")
                #expect(!String(describing: error).contains("name"))
            }
            #expect(try await shop.kept(in: shop.cache).isEmpty)
            #expect(try await products.value(for: 1) == "bread")
            #expect(try await shop.kept(in: shop.cache) == [1: "bread"])
        }

        @Test func `leaves a write open when its connection breaks`() async throws {
            let shop = try await Shop()
            let slow = "INSERT INTO products SELECT $1::bigint, $2 FROM pg_sleep(100)"
            let products = try shop.cache.through(shop.source(store: slow))
            let write = Task { await code { try await products.set("milk", for: 4) } }
            try await shop.waitForSleeper()
            try await shop.breakConnection("source")
            #expect(await write.value == .outcomeUnknown)
            // Until it is settled, loads answer and are not kept.
            #expect(try await products.value(for: 4) == nil)
            try await shop.other.execute("INSERT INTO products VALUES (4, 'milk')")
            #expect(try await products.value(for: 4) == "milk")
            #expect(try await shop.kept(in: shop.cache).isEmpty)
        }

        @Test func `leaves a write open when the server dies under it, and nothing stale`() async throws {
            let shop = try await Shop()
            let slow = "INSERT INTO products SELECT $1::bigint, $2 FROM pg_sleep(100)"
            let products = try shop.cache.through(shop.source(store: slow))
            let write = Task { await code { try await products.set("milk", for: 4) } }
            try await shop.waitForSleeper()
            shop.server.kill()
            #expect(await write.value == .outcomeUnknown)
            try await shop.server.start()
            try await shop.other.execute("INSERT INTO products VALUES (4, 'oat milk')")
            #expect(try await products.value(for: 4) == "oat milk")
            #expect(try await shop.kept(in: shop.cache).isEmpty)
            shop.clock.advance(milliseconds: 3_600_000)
            try await eventually {
                #expect(try await products.value(for: 4) == "oat milk")
                return try await shop.kept(in: shop.cache) == [4: "oat milk"]
            }
        }

        @Test(arguments: SourceWriteStep.allCases)
        func `is written through by a process that dies at any step, and nothing stale is left`(
            step: SourceWriteStep
        ) async throws {
            let shop = try await Shop()
            let products = try shop.cache.through(shop.source())
            #expect(try await products.value(for: 1) == "bread")
            await dieWriting("rye bread", in: shop, at: step)
            let row = step == .begun || step == .intended ? "bread" : "rye bread"
            #expect(try await shop.row(1) == row)
            #expect(try await products.value(for: 1) == row)
            let isSettled = step == .begun || step == .committed
            #expect(try await shop.kept(in: shop.cache) == (isSettled ? [1: row] : [:]))
            shop.clock.advance(milliseconds: 3_600_000)
            try await eventually {
                #expect(try await products.value(for: 1) == row)
                return try await shop.kept(in: shop.cache) == [1: row]
            }
        }

        @Test func `applies the write of a process that has died, and what was loaded before is not kept`() async throws
        {
            let shop = try await Shop()
            let products = try shop.cache.through(shop.source())
            #expect(try await products.value(for: 1) == "bread")
            // The statement waits for this, and goes on when its client is long dead.
            try await shop.other.execute("SELECT pg_advisory_lock(1)")
            let insert =
                "INSERT INTO products SELECT $1::bigint, $2 FROM pg_advisory_lock(1) "
                + "ON CONFLICT (id) DO UPDATE SET name = excluded.name"
            await dieWriting("rye bread", in: shop, store: insert)
            for _ in 0..<3 {
                #expect(try await products.value(for: 1) == "bread")
                #expect(try await shop.kept(in: shop.cache).isEmpty)
            }
            try await shop.other.execute("SELECT pg_advisory_unlock(1)")
            try await eventually { try await shop.row(1) == "rye bread" }
            shop.clock.advance(milliseconds: 3_600_000)
            try await eventually {
                #expect(try await products.value(for: 1) == "rye bread")
                return try await shop.kept(in: shop.cache) == [1: "rye bread"]
            }
        }

        @Test func `that does not answer in time is given up, and asked again over another connection`() async throws {
            let shop = try await Shop(connections: 1)
            let slow =
                "SELECT id, name FROM products, pg_sleep(CASE WHEN 1 = ANY($1) THEN 100 ELSE 0 END) WHERE id = ANY($1)"
            let products = try shop.cache.through(
                shop.source(load: slow), options: .init(loadTimeout: .milliseconds(300)))
            #expect(await code { _ = try await products.value(for: 1) } == .sourceTimedOut)
            let patient = try shop.cache.through(shop.source(load: slow))
            #expect(try await patient.value(for: 2) == "butter")
            // A reader that gives up is not held up either.
            let reader = Task { try await shop.database.execute("SELECT pg_sleep(100)") }
            try await eventually {
                try await shop.other.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(100)' AND state = 'active'"
                ).count == 1
            }
            // Nor is one that has not had its turn yet.
            let waiting = Task { try await shop.database.execute("SELECT 1") }
            try await Task.sleep(for: .milliseconds(20))
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            #expect(try await patient.value(for: 3) == "cheese")
        }

        @Test func `that goes down leaves stale values as answers, and is asked again when it is back`() async throws {
            let shop = try await Shop()
            let products = try shop.cache.through(
                shop.source(),
                options: .init(
                    freshness: .init(
                        timeToLive: .milliseconds(50), staleIfError: .seconds(3_600), retryDelay: .milliseconds(50))))
            try await shop.other.execute(
                "INSERT INTO products SELECT n, 'number ' || n FROM generate_series(10, 209) n")
            let ids = 10..<210
            #expect(try await products.values(for: ids).count == ids.count)
            #expect(try await shop.kept(in: shop.cache).count == ids.count)
            shop.server.kill()
            while try shop.store.statistics().staleAnswers < 2_000 {
                for id in ids { #expect(try await products.value(for: id) == "number \(id)") }
                #expect(try await products.values(for: ids).count == ids.count)
            }
            #expect(await postgreSQLCode { _ = try await products.value(for: 1) } == .notConnected)
            try await shop.server.start()
            try await shop.other.execute("UPDATE products SET name = 'new ' || id")
            for id in ids { try await eventually { try await products.value(for: id) == "new \(id)" } }
        }
    }

    /// Has another process write product 1 through a cache in the same store, and die: at a step, or while the server runs the statement.
    private func dieWriting(
        _ name: String, in shop: Shop, store insert: String = Shop.insert, at step: SourceWriteStep? = nil
    ) async {
        let (parameters, path, step) = (shop.server.parameters, shop.scratch.store, step?.rawValue)
        await #expect(processExitsWith: .failure) {
            [
                parameters = parameters as String, path = path as String, name = name as String,
                insert = insert as String, step = step as String?
            ] in
            let database = try PostgreSQLDatabase(parameters, statementTimeout: .seconds(3_600))
            var options = SourceOptions()
            options.observesWrite = { if $0.rawValue == step { killSelf() } }
            let products = try Store(at: path).cache("products", key: .int, value: .string)
                .through(Shop.source(database, store: insert), options: options)
            if step == nil {
                Task {
                    try await eventually {
                        try await database.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                            .count == 1
                    }
                    killSelf()
                }
            }
            try await products.set(name, for: 1)
        }
    }
#endif
