/// A product: a row of the database, a value of the cache and the body of an answer.
package struct Product: Codable, Hashable, Sendable {
    /// Its number.
    package var id: Int
    /// What it is called.
    package var name: String
    /// What one costs, in cents.
    package var priceInCents: Int
    /// How many times the row has changed. An update names the version that it was made from, so none is ever made from what is no longer
    /// there.
    package var version: Int

    /// Makes a product.
    package init(id: Int, name: String, priceInCents: Int, version: Int = 1) {
        self.id = id
        self.name = name
        self.priceInCents = priceInCents
        self.version = version
    }

    /// The prices that a product can have, in cents.
    package static let prices = 0...100_000_000

    /// The next version of the product, with another price.
    package func repriced(at priceInCents: Int) -> Product {
        Product(id: id, name: name, priceInCents: priceInCents, version: version + 1)
    }
}
