internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Locks between processes, on single bytes of a file of its own, and the mutex in that file that keeps writers apart.
///
/// They are POSIX record locks: the kernel frees them when their process dies, a forked child does not inherit them, and they belong to
/// the whole process, so threads must be told apart before them. Closing any descriptor of the file would free them all, so the file is
/// opened once per process. Taking and freeing one costs a system call each, under a microsecond without contention.
///
/// The system looks for deadlocks among processes, not threads: two that use two files each seem to wait for each other in a circle when
/// one thread of each waits while another holds. So a refusal is believed only if it lasts.
final class ProcessLock: Sendable {
    /// What a byte of the file stands for.
    enum Byte: off_t {
        /// Held by whoever writes, where there is no ``RobustMutex``.
        case writer = 0
        /// Held by whoever opens or closes.
        case opening = 1
        /// Shared by everyone who has the environment open.
        case open = 2
    }

    /// Where in the file the openers' ``EnvironmentOptions/Flushing`` is kept.
    private static let flushingOffset: off_t = 8

    let descriptor: Atomic<Int32>
    let path: String
    /// What ``identity()`` has found.
    let ownIdentity = Mutex<UInt64?>(nil)
    /// How many removals by this process found nothing to remove.
    let ownRemovals = Mutex<UInt64>(0)

    /// Opens the locks' file, mode 0600, and makes it if it is not there.
    init(path: String) throws(LMDBError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw LMDBError(.init(rawValue: errno), operation: "open", path: path) }
        self.descriptor = Atomic(descriptor)
        self.path = path
    }

    deinit {
        closeFile()
    }

    #if os(Linux)
        private let writerMutex = Mutex<RobustMutex?>(nil)

        /// Maps the mutex that keeps writers apart, and makes it if this is the first process that has the environment open. The lock
        /// `opening` is held.
        func prepareForWriters(isFirst: Bool) throws(LMDBError) {
            let page = try mapPage(extending: isFirst)
            writerMutex.withLock { $0 = RobustMutex(in: page, initializing: isFirst) }
        }

        /// Waits until no other process writes, then keeps the others from it.
        func lockWriter() throws(LMDBError) {
            try writerMutex.withLock { $0 }?.lock()
        }

        /// Lets others write, on the thread that kept them from it.
        func unlockWriter() {
            writerMutex.withLock { $0 }?.unlock()
        }
    #else
        /// Maps the page that processes share. Writers are kept apart by a record lock. The lock `opening` is held.
        func prepareForWriters(isFirst: Bool) throws(LMDBError) {
            _ = try mapPage(extending: isFirst)
        }

        /// Waits until no other process writes, then keeps the others from it.
        func lockWriter() throws(LMDBError) {
            try lock(.writer)
        }

        /// Lets others write.
        func unlockWriter() {
            unlock(.writer)
        }
    #endif

    private let page = Mutex<LockPage?>(nil)

    private func mapPage(extending: Bool) throws(LMDBError) -> LockPage {
        let mapped = try LockPage(descriptor: descriptor.load(ordering: .relaxed), extending: extending, path: path)
        page.withLock { $0 = mapped }
        return mapped
    }

    /// Whether the mark of ``OpenMark`` is there; see ``LockPage/isMarked``. To be used after ``prepareForWriters(isFirst:)``.
    var isMarked: Bool {
        get { page.withLock { $0?.isMarked ?? false } }
        set { page.withLock { $0?.isMarked = newValue } }
    }

    /// Lets go of every lock. To be called before anyone in this process may open the file again, since closing it later would free
    /// their locks.
    func closeFile() {
        let descriptor = descriptor.exchange(-1, ordering: .relaxed)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Waits until no other process holds the lock, then holds it alone.
    func lock(_ byte: Byte) throws(LMDBError) {
        _ = try apply(Int16(F_WRLCK), byte.rawValue, waits: true)
    }

    /// Holds the lock alone if nobody else holds it; returns whether it does.
    func tryLock(_ byte: Byte) throws(LMDBError) -> Bool {
        try apply(Int16(F_WRLCK), byte.rawValue, waits: false)
    }

    /// Holds the lock together with others, waiting for whoever holds it alone.
    func lockShared(_ byte: Byte) throws(LMDBError) {
        _ = try apply(Int16(F_RDLCK), byte.rawValue, waits: true)
    }

    /// Lets go of the lock.
    func unlock(_ byte: Byte) {
        // Freeing a lock cannot fail on a valid descriptor.
        _ = try? apply(Int16(F_UNLCK), byte.rawValue, waits: true)
    }

    /// A lock of one byte, as the system is asked for it.
    static func request(_ kind: Int16, _ offset: off_t) -> flock {
        var request = flock()
        request.l_type = kind
        request.l_whence = Int16(SEEK_SET)
        request.l_start = offset
        request.l_len = 1
        return request
    }

    /// How many times, a millisecond apart, a circle is taken for one of processes only.
    private static let deadlockRetries = 2_000

    func apply(_ kind: Int16, _ offset: off_t, waits: Bool) throws(LMDBError) -> Bool {
        var refusals = 0
        var request = Self.request(kind, offset)
        while unsafe fcntl(descriptor.load(ordering: .relaxed), waits ? F_SETLKW : F_SETLK, &request) == -1 {
            if !waits, errno == EAGAIN || errno == EACCES { return false }
            if errno == EDEADLK, refusals < Self.deadlockRetries {
                refusals += 1
                usleep(1_000)
                continue
            }
            if errno != EINTR { throw LMDBError(.init(rawValue: errno), operation: "fcntl", path: path) }
        }
        return true
    }

    /// What the openers' commits flush; to be read and written with the lock `opening` held.
    var recordedFlushing: UInt8 {
        get {
            var byte: UInt8 = 0
            return unsafe pread(descriptor.load(ordering: .relaxed), &byte, 1, Self.flushingOffset) == 1 ? byte : 0
        }
    }

    /// Records what the openers' commits flush.
    func record(flushing: UInt8) throws(LMDBError) {
        try FileSystem.write(
            [flushing], to: descriptor.load(ordering: .relaxed), at: Int(Self.flushingOffset), path: path)
    }
}
