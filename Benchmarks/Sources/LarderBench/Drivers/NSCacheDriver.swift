import Foundation

/// Foundation's `NSCache`. Keys must be objects, so one is built for every get; a get hands out the object that holds the value.
final class NSCacheDriver: Driver, @unchecked Sendable {
    /// A key as an object.
    final class Key: NSObject {
        let inline: DictionaryDriver.InlineKey

        init(_ key: Span<UInt8>) {
            inline = DictionaryDriver.InlineKey(key)
        }

        override var hash: Int { inline.hashValue }

        override func isEqual(_ object: Any?) -> Bool {
            (object as? Key)?.inline == inline
        }
    }

    /// A value as an object.
    final class Value {
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }
    }

    // NSCache does its own locking.
    private let cache = NSCache<Key, Value>()

    init(_ options: DriverOptions) throws {
        try options.refuseDisk()
        if case .memoryAlone(let capacity) = options.purpose { cache.countLimit = capacity }
    }

    func makeSession() -> Session { Session(cache: cache) }

    struct Session: DriverSession {
        fileprivate let cache: NSCache<Key, Value>

        func get(_ key: Span<UInt8>) -> Glimpse? {
            cache.object(forKey: Key(key))?.bytes.glimpse
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) {
            cache.setObject(Value([UInt8](copying: value)), forKey: Key(key))
        }

        func value(for key: Span<UInt8>) -> [UInt8]? {
            cache.object(forKey: Key(key))?.bytes
        }
    }
}
