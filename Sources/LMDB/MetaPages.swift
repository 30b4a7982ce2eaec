public import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A read-only mapping of an LMDB file's two meta pages, to see every process's commits in two loads.
///
/// `mdb_env_info` reads the same numbers, but through the environment's map, which is gone for a moment whenever the map grows; so
/// every caller would have to count as a reader. This mapping stays where it is for as long as the object lives.
@safe
@usableFromInline
package final class MetaPages: @unchecked Sendable {
    // Unchecked: the pointers never change, and what they point to is read atomically.
    private let mapping: UnsafeMutableRawPointer
    private let length: Int
    @usableFromInline let first: UnsafePointer<Atomic<UInt64>>
    @usableFromInline let second: UnsafePointer<Atomic<UInt64>>

    init(path: String, pageSize: Int) throws(LMDBError) {
        length = 2 * pageSize
        // Reading a mapping beyond the end of a truncated file would kill the process.
        guard try FileSystem.size(of: path).length >= length else {
            throw LMDBError(.invalid, operation: "open", path: path)
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LMDBError(.init(rawValue: errno), operation: "open", path: path) }
        defer { close(descriptor) }
        guard let address = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), unsafe address != MAP_FAILED
        else { throw LMDBError(.init(rawValue: errno), operation: "mmap", path: path) }
        unsafe mapping = address
        let place = unsafe UnsafeRawPointer(address) + Page.headerSize + Meta.transactionIDOffset
        unsafe first = place.assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe second = (place + pageSize).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit {
        unsafe munmap(mapping, length)
    }

    /// The id in the meta page that transaction `id` has written, unless the one after the next has overwritten it: one load.
    func transactionID(inPlaceOf id: UInt64) -> UInt64 {
        unsafe (id.isMultiple(of: 2) ? first : second).pointee.load(ordering: .acquiring)
    }

    /// The id of the last transaction that any process committed. It moves a moment before readers can see that commit, and goes
    /// back after a failed write of a meta page. Costs two loads.
    @inlinable
    package var lastTransactionID: UInt64 {
        unsafe max(first.pointee.load(ordering: .acquiring), second.pointee.load(ordering: .acquiring))
    }
}
