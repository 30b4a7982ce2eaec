internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A flag that all processes see which have an environment open, in the mapped page of the locks' file.
@safe
final class SharedFlag: @unchecked Sendable {
    // Unchecked: the pointer never changes, and what it points to is atomic.
    private let mapping: UnsafeMutableRawPointer
    private let flag: UnsafeMutablePointer<Atomic<UInt8>>

    private static let length = 4_096
    /// Where in the file the flag lies: before ``RobustMutex``, behind what ``ProcessLock`` keeps there.
    private static let offset = 32

    /// Maps the flag. The lock `opening` is held.
    init(of lock: ProcessLock) throws(LMDBError) {
        let descriptor = lock.descriptor.load(ordering: .relaxed)
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw LMDBError(.init(rawValue: errno), operation: "fstat", path: lock.path)
        }
        // Touching a mapping beyond the end of the file would kill the process.
        if status.st_size < Self.length, ftruncate(descriptor, off_t(Self.length)) != 0 {
            throw LMDBError(.init(rawValue: errno), operation: "ftruncate", path: lock.path)
        }
        let address = unsafe mmap(nil, Self.length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw LMDBError(.init(rawValue: errno), operation: "mmap", path: lock.path)
        }
        unsafe mapping = address
        unsafe flag = (address + Self.offset).assumingMemoryBound(to: Atomic<UInt8>.self)
    }

    deinit {
        unsafe munmap(mapping, Self.length)
    }

    @inline(__always)
    var value: Bool {
        get { unsafe flag.pointee.load(ordering: .acquiring) != 0 }
        set { unsafe flag.pointee.store(newValue ? 1 : 0, ordering: .releasing) }
    }
}
