/// Why the catalog does not do what it was asked to.
package enum CatalogError: Error, Equatable {
    /// There is no product of this number.
    case noSuchProduct(Int)
    /// A price lies outside of ``Product/prices``.
    case invalidPrice(Int)
    /// The product was changed by others as often as it was tried to change it.
    case contended(Int)
    /// The row is not of the version before the one that was to be written. Nothing was written.
    case versionConflict
    /// A commit of SQLite has failed, and what it has left in the log may or may not be there when the database is opened again. Until then
    /// nobody knows a price.
    case databaseInDoubt
    /// Another process serves the catalog in this directory.
    case alreadyServed(String)
    /// The operating system refused.
    case system(call: String, code: Int32)
}

extension CatalogError: CustomStringConvertible {
    /// What is wrong, in a sentence.
    package var description: String {
        switch self {
        case .noSuchProduct(let id): "There is no product \(id)."
        case .invalidPrice: "A price has \(Product.prices.lowerBound) to \(Product.prices.upperBound) cents."
        case .contended, .versionConflict:
            "Others have changed the product meanwhile; nothing was changed. Try again."
        case .databaseInDoubt: "The database could not commit; the service must be restarted."
        case .alreadyServed(let directory): "Another process serves the catalog in \(directory)."
        case .system(let call, let code): "\(call) has failed with error \(code)."
        }
    }
}
