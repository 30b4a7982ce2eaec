/// The places between which an update or a load of a product can be cut off, in the order in which they are reached. The tests end the
/// process at each.
package enum Step: String, CaseIterable, Sendable {
    /// A new price was asked for; nothing has happened.
    case requested
    /// The cache's intent is durable, and the product absent from it; the database does not know yet.
    case intended
    /// SQLite's transaction is open.
    case begun
    /// The row is changed in the transaction, which is not committed.
    case executed
    /// SQLite has committed; the cache does not know yet.
    case committed
    /// The product is in both tiers; nobody was answered.
    case cached
    /// The cache lacks a product, and the database is about to be read.
    case loadBegun
    /// The row is read, and not in the cache.
    case loadRead
    /// The loaded product was handed out by the cache; nobody was answered.
    case loaded

    /// The steps of an update before SQLite has committed it.
    package static let beforeCommit: Set<Step> = [.requested, .intended, .begun, .executed]
    /// The steps of a load.
    package static let ofLoads: Set<Step> = [.loadBegun, .loadRead, .loaded]
}
