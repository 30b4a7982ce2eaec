package import Hummingbird

extension Product: ResponseEncodable {}
extension CatalogStatistics: ResponseEncodable {}

/// The body of a request for another price.
struct NewPrice: Codable {
    /// The price, in cents.
    var priceInCents: Int
}

extension Catalog {
    /// The catalog's face in HTTP.
    package func makeRouter() -> Router<CatalogContext> {
        let router = Router(context: CatalogContext.self)
        router.add(middleware: CatalogErrorMiddleware())
        router.get("products/:id") { [self] _, context in
            let id = try context.parameters.require("id", as: Int.self)
            guard let product = try await product(id) else { throw CatalogError.noSuchProduct(id) }
            return product
        }
        router.put("products/:id/price") { [self] request, context in
            let id = try context.parameters.require("id", as: Int.self)
            let body = try await request.decode(as: NewPrice.self, context: context)
            return try await setPrice(ofProduct: id, to: body.priceInCents)
        }
        router.delete("products/:id") { [self] _, context -> HTTPResponse.Status in
            try await removeProduct(context.parameters.require("id", as: Int.self))
            return .noContent
        }
        router.get("statistics") { [self] _, _ in try statistics() }
        return router
    }
}
