#if PostgreSQL
    import Larder
    import TestSupport
    import Testing

    @testable import LarderPostgreSQL

    @Suite(
        .serialized, .timeLimit(.minutes(10)),
        .enabled(if: PostgreSQLServer.impossibility == nil, "\(PostgreSQLServer.impossibility ?? "")"))
    struct `A cache guarded by notifications` {
        @Test func `sees what another writer changes`() async throws {
            let shop = try await Shop()
            try await shop.addTrigger()
            let products = try await shop.cache.through(
                shop.source(), guardedBy: try shop.listener(), channel: "products")
            try await shop.fill(products)
            try await shop.other.execute("UPDATE products SET name = 'rye bread' WHERE id = 1")
            try await shop.other.execute("DELETE FROM products WHERE id = 2")
            try await eventually { try await products.value(for: 1) == "rye bread" }
            try await eventually { try await products.value(for: 2) == nil }
            #expect(try await shop.kept(in: shop.cache) == [1: "rye bread", 3: "cheese"])
        }

        @Test func `forgets what a notification names, and everything if it is not understood`() async throws {
            let shop = try await Shop()
            let products = try await shop.cache.through(
                shop.source(), guardedBy: try shop.listener(), channel: "a \"channel\"")
            let other = try shop.store.cache("other", key: .int, value: .string)
            try await other.set("untouched", for: 1)
            let left = [
                ("key:1", [2, 3]), ("key:9", [1, 2, 3]), ("tag:initial b", [3]), ("tag:unknown", [1, 2, 3]),
                ("all", []), ("prefix:1", []), ("key:one", []), ("key", []), ("", []), ("whatever:1", []),
            ]
            for (payload, left) in left {
                try await shop.fill(products)
                try await shop.cache.set("sentinel", for: 100)
                try await shop.other.execute("SELECT pg_notify('another', 'all')")
                try await shop.other.execute("SELECT pg_notify('a \"channel\"', $1)", [payload])
                // The last says when the others were heard of.
                try await shop.other.execute("SELECT pg_notify('a \"channel\"', 'key:100')")
                try await eventually { try shop.cache.value(for: 100) == nil }
                #expect(try await shop.kept(in: shop.cache).keys.sorted() == left, "\(payload)")
            }
            #expect(try other.value(for: 1) == "untouched")
        }

        @Test func `forgets by prefix where its keys are strings`() async throws {
            let shop = try await Shop()
            let cache = try shop.store.cache("texts", key: .string, value: .string)
            let listener = try shop.listener()
            let texts = try await cache.through(
                LoadingSource<String, String> { "value of \($0)" }, guardedBy: listener, channel: "texts")
            let keys = ["a", "ab", "ab:c", "b"]
            try await eventually {
                _ = try await texts.values(for: keys)
                return try await shop.kept(in: cache).count == keys.count
            }
            try await shop.other.execute("NOTIFY texts, 'key:ab:c'")
            try await eventually { try cache.value(for: "ab:c") == nil }
            try await shop.other.execute("NOTIFY texts, 'prefix:a'")
            try await eventually { try cache.value(for: "a") == nil }
            #expect(try await shop.kept(in: cache).keys.sorted() == ["b"])
        }

        @Test func `never holds on to what its own writes make a trigger say`() async throws {
            let shop = try await Shop()
            try await shop.addTrigger()
            let products = try await shop.cache.through(
                shop.source(), guardedBy: try shop.listener(), channel: "products")
            try await shop.fill(products)
            for round in 0..<20 {
                try await products.set("bread \(round)", for: 1)
                #expect(try await products.value(for: 1) == "bread \(round)")
            }
        }

        @Test func `begins with nothing, since nobody has listened before`() async throws {
            let shop = try await Shop()
            try await shop.cache.set("of an earlier run", for: 1)
            let products = try await shop.cache.through(
                shop.source(), guardedBy: try shop.listener(), channel: "products")
            #expect(try await products.value(for: 1) == "bread")
        }

        @Test func `drops everything when the connection is lost, and keeps nothing until it is back`() async throws {
            let shop = try await Shop()
            let listener = try shop.listener(reconnectDelay: .seconds(3_600))
            let products = try await shop.cache.through(shop.source(), guardedBy: listener, channel: "products")
            try await shop.fill(products)
            // One that is not guarded shares the store.
            let other = try shop.store.cache("other", key: .int, value: .string)
            try await other.set("untouched", for: 1)
            try await shop.breakConnection("listener")
            try await eventually { try shop.cache.count() == 0 }
            // It answers, with what the database has now.
            for name in ["rye bread", "white bread"] {
                try await shop.other.execute("UPDATE products SET name = $1 WHERE id = 1", [name])
                #expect(try await products.value(for: 1) == name)
                #expect(try await products.values(for: 1...3).count == 3)
            }
            // A write reaches the database, and is not kept either.
            try await products.set("milk", for: 4)
            #expect(try await shop.row(4) == "milk")
            #expect(try await shop.kept(in: shop.cache).isEmpty)
            #expect(try other.value(for: 1) == "untouched")
            #expect(listener.connections == 1)
        }

        @Test func `drops everything when the server goes down, and is guarded again by itself`() async throws {
            let shop = try await Shop()
            try await shop.addTrigger()
            let listener = try shop.listener()
            let products = try await shop.cache.through(
                shop.source(), options: .init(freshness: .init(staleIfError: .seconds(3_600))), guardedBy: listener,
                channel: "products")
            try await shop.fill(products)
            shop.server.kill()
            try await eventually { try shop.cache.count() == 0 }
            #expect(await postgreSQLCode { _ = try await products.value(for: 1) } == .notConnected)
            try await shop.server.start()
            try await shop.other.execute("UPDATE products SET name = 'rye bread' WHERE id = 1")
            try await shop.fill(products)
            #expect(try await products.value(for: 1) == "rye bread")
            #expect(listener.connections > 1)
            try await shop.other.execute("UPDATE products SET name = 'white bread' WHERE id = 1")
            try await eventually { try await products.value(for: 1) == "white bread" }
        }

        @Test func `counts a server that has fallen silent as lost`() async throws {
            let shop = try await Shop()
            let listener = try shop.listener(
                heartbeat: .milliseconds(50), answerTimeout: .seconds(1))
            let products = try await shop.cache.through(shop.source(), guardedBy: listener, channel: "products")
            try await shop.fill(products)
            try await shop.cache.set("sentinel", for: 100)
            let (connections, backend) = (listener.connections, try await shop.backend("listener"))
            shop.server.hold(process: backend, true)
            defer { shop.server.hold(process: backend, false) }
            try await eventually { try shop.cache.value(for: 100) == nil }
            try await eventually { listener.connections > connections }
            try await shop.fill(products)
        }

        @Test func `drops everything when the listener is stopped, and leaves a closed store alone`() async throws {
            let shop = try await Shop()
            let listener = try shop.listener()
            let products = try await shop.cache.through(shop.source(), guardedBy: listener, channel: "products")
            let closed = try Store(at: shop.scratch.path + "/closed")
            _ = try await closed.cache("c", key: .int, value: .string)
                .through(shop.source(), guardedBy: listener, channel: "products")
            try await shop.fill(products)
            try closed.close()
            try await shop.other.execute("NOTIFY products, 'key:1'")
            try await eventually { try shop.cache.count() == 2 }
            #expect(listener.connections == 1)
            listener.stop()
            try await eventually { try shop.cache.count() == 0 }
            #expect(try await products.value(for: 1) == "bread")
            #expect(try await shop.kept(in: shop.cache).isEmpty)
        }

        @Test func `refuses the name of a channel that PostgreSQL would cut short`() async throws {
            let shop = try await Shop()
            let listener = try shop.listener()
            for channel in ["", String(repeating: "c", count: 64), "nul\0"] {
                await #expect(throws: PostgreSQLError(.invalidText)) {
                    try await shop.cache.through(shop.source(), guardedBy: listener, channel: channel)
                }
            }
        }
    }
#endif
