#if PostgreSQL
    internal import Larder
    internal import Synchronization

    /// A cache that is told by notifications what has changed in its source.
    ///
    /// It is *guarded* from the moment at which a listening connection has made it drop everything, until that connection is lost. Only what is loaded
    /// or written while it is guarded is kept, and whatever was kept before a loss goes with it.
    final class CacheGuard: Sendable {
        /// The channel whose notifications are about the cache.
        let channel: String
        private let guarded = Atomic<Bool>(false)
        private let perform: @Sendable ([Invalidation]) throws -> Void

        init<Key: Hashable & LosslessStringConvertible, Value>(_ cache: Cache<Key, Value>, channel: String) {
            self.channel = channel
            perform = { invalidations in
                try cache.store.writeBlocking { transaction in
                    for invalidation in invalidations { try transaction.perform(invalidation, in: cache) }
                }
            }
        }

        /// Whether what is loaded from now on may be kept.
        var isGuarded: Bool {
            guarded.load(ordering: .sequentiallyConsistent)
        }

        /// Drops what was kept before. From then on notifications keep the cache true, if they have been listened for since before. Blocks the thread.
        ///
        /// - Throws: As `Store.writeBlocking(_:)`.
        func begin() throws {
            try dropAll()
            guarded.store(true, ordering: .sequentiallyConsistent)
        }

        /// Nobody listens any more: nothing is kept from now on. What was kept is to be dropped next, with ``dropAll()``.
        func end() {
            guarded.store(false, ordering: .sequentiallyConsistent)
        }

        /// Drops everything, at once, and with it what is being loaded or written through. Blocks the thread.
        ///
        /// - Throws: As `Store.writeBlocking(_:)`.
        func dropAll() throws {
            try perform([.all])
        }

        /// Drops what has changed, in one commit. Blocks the thread.
        ///
        /// - Throws: As `Store.writeBlocking(_:)`.
        func drop(_ invalidations: [Invalidation]) throws {
            try perform(invalidations.contains(.all) ? [.all] : invalidations)
        }
    }

    extension Transaction {
        fileprivate func perform<Key: LosslessStringConvertible, Value>(
            _ invalidation: Invalidation, in cache: Cache<Key, Value>
        ) throws {
            switch invalidation {
            case .key(let text):
                // What is no key of this cache can mean anything.
                guard let key = Key(text) else { return try removeAll(in: cache) }
                do {
                    try remove(key, in: cache)
                } catch let error as LarderError where error.code == .invalidKey {
                    // A key that no entry can have.
                }
            case .tag(let tag): try removeAll(in: cache, tagged: tag)
            case .prefix(let prefix):
                guard let cache = cache as? Cache<String, Value> else { return try removeAll(in: cache) }
                try removeAll(in: cache, prefix: prefix)
            case .all: try removeAll(in: cache)
            }
        }
    }
#endif
