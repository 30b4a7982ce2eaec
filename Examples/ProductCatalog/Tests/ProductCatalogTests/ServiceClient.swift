internal import Foundation
internal import ProductCatalog
internal import Testing

#if canImport(FoundationNetworking)
    internal import FoundationNetworking
#endif

/// Asks a running service over HTTP.
struct ServiceClient: Sendable {
    private let base: URL
    private let session: URLSession

    /// What the service has answered.
    struct Answer: Sendable {
        /// The status code.
        var status: Int
        /// The body.
        var body: Data

        /// The body as a value.
        func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: body)
        }
    }

    /// An answer that was not to be expected.
    struct UnexpectedAnswer: Error {
        var status: Int
        var text: String
    }

    init(port: Int) throws {
        base = try #require(URL(string: "http://127.0.0.1:\(port)"))
        session = URLSession(configuration: .ephemeral)
    }

    /// Sends a request.
    ///
    /// - Throws: `URLError`, if the service is not there or dies before it has answered.
    func send(_ method: String, _ path: String, _ body: String? = nil) async throws -> Answer {
        var request = URLRequest(url: base.appending(path: path))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        let (data, response) = try await session.data(for: request)
        return Answer(status: try #require(response as? HTTPURLResponse).statusCode, body: data)
    }

    /// The product of a number; `nil` if there is none.
    func product(_ id: Int) async throws -> Product? {
        let answer = try await send("GET", "products/\(id)")
        return answer.status == 404 ? nil : try expect(200, answer).decoded()
    }

    /// Changes a price.
    func setPrice(_ id: Int, _ priceInCents: Int) async throws -> Product {
        try expect(200, try await send("PUT", "products/\(id)/price", "{\"priceInCents\": \(priceInCents)}")).decoded()
    }

    /// What the service's cache has done.
    func statistics() async throws -> CatalogStatistics {
        try expect(200, try await send("GET", "statistics")).decoded()
    }

    private func expect(_ status: Int, _ answer: Answer) throws -> Answer {
        guard answer.status == status else {
            throw UnexpectedAnswer(status: answer.status, text: String(decoding: answer.body, as: UTF8.self))
        }
        return answer
    }
}
