internal import Foundation
internal import ProductCatalog
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct `The service` {
    let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    @Test func `serves products, and changes their prices`() async throws {
        let service = try ServiceProcess(scratch.path)
        let client = try await service.client()
        let shelf = Product(id: 1, name: "Oak shelf", priceInCents: 8_900)
        #expect(try await client.product(1) == shelf)
        #expect(try await client.setPrice(1, 9_500) == shelf.repriced(at: 9_500))
        #expect(try await client.product(1) == shelf.repriced(at: 9_500))
        let statistics = try await client.statistics()
        #expect(statistics.loads == 1)
        #expect(statistics.memoryHits == 1)
        #expect(statistics.cachedProducts == 1)
        #expect(try await client.send("DELETE", "products/1").status == 204)
        #expect(try await client.product(1) == nil)
        #expect(await service.end(SIGTERM) == .exited(0))
    }

    @Test func `says what is wrong with a request`() async throws {
        let service = try ServiceProcess(scratch.path)
        let client = try await service.client()
        #expect(try await client.send("GET", "products/99").status == 404)
        #expect(try await client.send("GET", "products/shelf").status == 400)
        #expect(try await client.send("PUT", "products/99/price", #"{"priceInCents": 1}"#).status == 404)
        #expect(try await client.send("PUT", "products/1/price", #"{"priceInCents": -1}"#).status == 400)
        #expect(try await client.send("PUT", "products/1/price", #"{"priceInCents": 1.5}"#).status == 400)
        #expect(try await client.send("PUT", "products/1/price", "9500").status == 400)
        let long = String(repeating: " ", count: 2_000) + #"{"priceInCents": 1}"#
        #expect(try await client.send("PUT", "products/1/price", long).status == 413)
        #expect(try await client.send("DELETE", "products/99").status == 404)
        #expect(try await client.product(1)?.priceInCents == 8_900)
        #expect(await service.end(SIGINT) == .exited(0))
    }

    @Test func `finds its cache again when it was told to end`() async throws {
        let first = try ServiceProcess(scratch.path)
        let before = try await first.client()
        _ = try await before.product(1)
        _ = try await before.setPrice(2, 500)
        #expect(await first.end(SIGTERM) == .exited(0))
        let second = try ServiceProcess(scratch.path)
        let after = try await second.client()
        #expect(try await after.product(1)?.priceInCents == 8_900)
        #expect(try await after.product(2)?.priceInCents == 500)
        let statistics = try await after.statistics()
        #expect(statistics.loads == 0)
        #expect(statistics.memoryHits + statistics.diskHits == 2)
        #expect(await second.end(SIGTERM) == .exited(0))
    }

    @Test func `shares a catalog with other processes`() async throws {
        let services = [try ServiceProcess(scratch.path), try ServiceProcess(scratch.path)]
        let clients = [try await services[0].client(), try await services[1].client()]
        for client in clients { #expect(try await client.product(1)?.priceInCents == 8_900) }
        for price in 1...4 {
            #expect(try await clients[price % 2].setPrice(1, price).version == price + 1)
            for client in clients { #expect(try await client.product(1)?.priceInCents == price) }
        }
        #expect(try await clients[0].statistics().loads + clients[1].statistics().loads == 1)
        for service in services { #expect(await service.end(SIGTERM) == .exited(0)) }
    }
}
