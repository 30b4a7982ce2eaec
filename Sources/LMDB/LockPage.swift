internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The first page of the locks' file, mapped: what processes that have an environment open share without a system call.
@safe
final class LockPage: @unchecked Sendable {
    // Unchecked: the pointer never changes, and what it points to is atomic, or a mutex.
    private let mapping: UnsafeMutableRawPointer
    private let isMarkedFlag: UnsafeMutablePointer<Atomic<UInt8>>

    private static let length = 4_096
    /// Where the flag lies: behind what ``ProcessLock`` writes.
    private static let flagOffset = 32
    /// Where the mutex lies.
    private static let mutexOffset = 64

    /// Maps the page.
    ///
    /// - Parameter extending: Whether to make the file long enough, which only the first process that uses it may do.
    init(descriptor: Int32, extending: Bool, path: String) throws(LMDBError) {
        if extending, ftruncate(descriptor, off_t(Self.length)) != 0 {
            throw LMDBError(.init(rawValue: errno), operation: "ftruncate", path: path)
        }
        // Touching a mapping beyond the end of the file would kill the process.
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_size >= Self.length else {
            throw LMDBError(.invalid, operation: "open", path: path)
        }
        let address = unsafe mmap(nil, Self.length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw LMDBError(.init(rawValue: errno), operation: "mmap", path: path)
        }
        unsafe mapping = address
        unsafe isMarkedFlag = (address + Self.flagOffset).assumingMemoryBound(to: Atomic<UInt8>.self)
    }

    deinit {
        unsafe munmap(mapping, Self.length)
    }

    /// Whether the file of ``OpenMark`` is there. Read and written as the only writer of all processes, or the only one who opens or closes.
    var isMarked: Bool {
        get { unsafe isMarkedFlag.pointee.load(ordering: .acquiring) != 0 }
        set { unsafe isMarkedFlag.pointee.store(newValue ? 1 : 0, ordering: .releasing) }
    }

    /// Where the mutex of ``RobustMutex`` lies, for as long as the page is mapped.
    @unsafe var mutexAddress: UnsafeMutableRawPointer { unsafe mapping + Self.mutexOffset }
}
