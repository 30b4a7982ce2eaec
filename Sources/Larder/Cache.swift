internal import LMDB

/// A named, typed keyspace in a store.
///
/// A `Cache` is a small value: copy it and use it from any thread. Reads are synchronous and answer from memory or from disk; writes are
/// transactions of one key that are durable when they return. Operations over several keys or caches go through
/// ``Store/write(_:)-swift.method`` and ``Store/read(_:)``.
public struct Cache<Key: Sendable, Value: Sendable>: Sendable {
    /// The store that the cache is in.
    public let store: Store
    @usableFromInline let keyspace: Keyspace
    let keyCoding: any KeyCoding<Key>
    let valueCoding: any ValueCoding<Value>
    /// Whether memory holds the bytes of values rather than the decoded values; then `Value` is `[UInt8]`.
    @usableFromInline let holdsBytes: Bool
    /// The class of the decoded values that memory holds.
    @usableFromInline let decodedClass: ObjectIdentifier
    let timeToLive: Milliseconds?
    let expiresAfterAccess: Milliseconds?
    /// Whether memory holds the bytes of values and a hit changes nothing, as in most caches of bytes.
    @usableFromInline let answersWithBytes: Bool

    init(
        store: Store, keyspace: Keyspace, keyCoding: any KeyCoding<Key>, valueCoding: any ValueCoding<Value>,
        options: CacheOptions
    ) {
        self.store = store
        self.keyspace = keyspace
        self.keyCoding = keyCoding
        self.valueCoding = valueCoding
        holdsBytes = valueCoding is BytesCoding
        decodedClass = ObjectIdentifier(DecodedValue<Value>.self)
        timeToLive = options.timeToLive?.positiveMilliseconds
        expiresAfterAccess = options.expiresAfterAccess?.positiveMilliseconds
        answersWithBytes = holdsBytes && expiresAfterAccess == nil
    }

    /// The cache's name.
    public var name: String {
        keyspace.name
    }

    // MARK: Keys

    /// Calls `body` with the key's bytes, on the stack, and their hash.
    @inline(__always)
    func withEncoded<Result>(_ key: Key, _ body: (Span<UInt8>, UInt64) throws -> Result) throws -> Result {
        try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Environment.maximumKeyLength) { storage in
            let bytes = try unsafe encode(key, into: storage).span
            return try body(bytes, keyspace.hash(bytes))
        }
    }

    /// The key's bytes in `storage`, which has room for ``Environment/maximumKeyLength``.
    @inline(__always)
    @unsafe
    func encode(_ key: Key, into storage: UnsafeMutableBufferPointer<UInt8>) throws -> UnsafeBufferPointer<UInt8> {
        var buffer = unsafe KeyBuffer(storage)
        try keyCoding.encode(key, into: &buffer)
        try keyspace.checkKeyLength(buffer.count)
        return unsafe UnsafeBufferPointer(rebasing: storage[..<buffer.count])
    }

    @inline(__always)
    func checkLength(of key: Span<UInt8>) throws {
        try keyspace.checkKeyLength(key.count)
    }

    func memoryKey(_ key: Key) throws -> MemoryKey {
        try withEncoded(key) { bytes, hash in memoryKey(bytes, hash) }
    }

    @inline(__always)
    func memoryKey(_ bytes: Span<UInt8>, _ hash: UInt64) -> MemoryKey {
        MemoryKey(keyspace: keyspace.memoryNumber, hash: hash, bytes: [UInt8](copying: bytes))
    }

    func decodeKey(_ bytes: Span<UInt8>) throws -> Key {
        do {
            return try keyCoding.decode(bytes)
        } catch {
            throw LarderError(
                .undecodableKey, "a key cannot be decoded as '\(keyCoding.identifier)'", cacheName: name,
                keyHash: keyspace.hash(bytes), underlyingError: error)
        }
    }

    // MARK: Values

    func decode(_ payload: Span<UInt8>, keyHash: UInt64) throws -> Value {
        do {
            return try valueCoding.decode(payload)
        } catch {
            throw LarderError(
                .undecodableValue, "a value cannot be decoded as '\(valueCoding.identifier)'", cacheName: name,
                keyHash: keyHash, underlyingError: error)
        }
    }

    /// What memory holds for a value whose payload has `payloadSize` bytes.
    func memoryValue(_ value: Value, payloadSize: Int) -> MemoryValue {
        // The types are known to be the same; a dynamic cast would cost more than all the rest of a hit.
        if holdsBytes { return .bytes(unsafe unsafeBitCast(value, to: [UInt8].self)) }
        return DecodedValue.memoryValue(value, encodedSize: payloadSize, valueCoding)
    }

    /// The value that memory holds, or `nil` if it is held in the form of another coding.
    @inlinable
    @inline(__always)
    func value(_ held: MemoryValue) -> Value? {
        switch held {
        case .bytes(let bytes): holdsBytes ? unsafe unsafeBitCast(bytes, to: Value.self) : nil
        case .object(let object, _):
            // Another cache of the same name may decode to another type.
            ObjectIdentifier(type(of: object)) == decodedClass
                ? unsafe unsafeDowncast(object, to: DecodedValue<Value>.self).value : nil
        }
    }

    // MARK: Writes

    func prepare(_ value: Value, _ key: Key, _ expiration: Expiration) throws -> PreparedWrite {
        try prepare(value, memoryKey(key), expiration)
    }

    func prepare(_ value: Value, _ key: MemoryKey, _ expiration: Expiration) throws -> PreparedWrite {
        let payload = try valueCoding.encode(value)
        return PreparedWrite(
            keyspace: keyspace, key: key, payload: payload,
            memoryValue: memoryValue(value, payloadSize: payload.count), lifetime: try lifetime(expiration))
    }

    /// What an expiration means in this cache.
    func lifetime(_ expiration: Expiration) throws -> Lifetime {
        if expiresAfterAccess != nil, expiration.kind != .cacheDefault {
            throw LarderError(
                .invalidExpiration, "entries of a cache with expiry after access have no expiration of their own",
                cacheName: name)
        }
        switch expiration.kind {
        case .cacheDefault:
            if let timeToLive { return .milliseconds(timeToLive) }
            if let expiresAfterAccess { return .milliseconds(expiresAfterAccess + expiresAfterAccess / 10) }
            return .unlimited
        case .never: return .unlimited
        case .at(let deadline): return .until(deadline)
        case .after(let duration):
            guard let duration = duration.positiveMilliseconds else {
                throw LarderError(.invalidExpiration, "a time to live is not positive", cacheName: name)
            }
            return .milliseconds(duration)
        }
    }

    /// Throws unless `other` is the store that this cache is in.
    func check(in other: DurableTier) throws {
        guard other === store.durable else {
            throw LarderError(.otherStore, "the cache belongs to another store than the transaction", cacheName: name)
        }
    }
}
