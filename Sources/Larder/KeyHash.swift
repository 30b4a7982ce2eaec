internal import CXXHash

/// XXH3-64 (Yann Collet, xxHash 0.8) of bytes, with a seed.
///
/// The same hash finds an entry in the memory tier and seeds the checksum of its record, so that a lookup hashes its key once. The seed
/// differs per store and cache: who sends keys to a service cannot choose them to collide, and a record that turns up under another
/// key, cache or store does not pass its checksum.
@inline(__always)
func xxh3(_ bytes: Span<UInt8>, seed: UInt64) -> UInt64 {
    // The span's own count: the buffer's is 0 without an address, which would be looked at.
    unsafe bytes.withUnsafeBufferPointer { unsafe larder_xxh3($0.baseAddress, bytes.count, seed) }
}

@inline(__always)
func xxh3(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    unsafe larder_xxh3(bytes.baseAddress, bytes.count, seed)
}
