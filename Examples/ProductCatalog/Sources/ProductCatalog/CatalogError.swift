/// Why the catalog does not do what it was asked to.
package enum CatalogError: Error, Equatable {
    /// There is no product of this number.
    case noSuchProduct(Int)
    /// A price lies outside of ``Product/prices``.
    case invalidPrice(Int)
    /// The row is not of the version before the one that was to be written. Nothing was written.
    case versionConflict
}

extension CatalogError: CustomStringConvertible {
    /// What is wrong, in a sentence.
    package var description: String {
        switch self {
        case .noSuchProduct(let id): "There is no product \(id)."
        case .invalidPrice: "A price has \(Product.prices.lowerBound) to \(Product.prices.upperBound) cents."
        case .versionConflict: "Others have changed the product meanwhile; nothing was changed. Try again."
        }
    }
}
