#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The events of one lane, in a file that is mapped into memory: recording costs no system call, and what is recorded survives the
/// process being killed.
@safe
public final class HistoryLog: @unchecked Sendable {
    // Unchecked: it is used by one lane, or for it by the thread that runs its transaction while the lane waits.
    private let events: UnsafeMutablePointer<HistoryEvent>
    private let capacity: Int
    private let lane: Int
    private var count = 0

    /// Makes the file at `path` with room for `capacity` events of a lane; it takes as much of the disk as is used.
    public init(path: String, lane: Int, capacity: Int) throws {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        let length = capacity * MemoryLayout<HistoryEvent>.stride
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw SystemError("ftruncate") }
        guard let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            unsafe address != MAP_FAILED
        else { throw SystemError("mmap") }
        unsafe events = address.bindMemory(to: HistoryEvent.self, capacity: capacity)
        self.capacity = capacity
        self.lane = lane
    }

    deinit {
        unsafe munmap(events, capacity * MemoryLayout<HistoryEvent>.stride)
    }

    /// Whether there is room for another operation of several events.
    public var hasRoom: Bool { count + 64 <= capacity }

    /// Records that an operation has begun; returns its place.
    public func begin(_ event: HistoryEvent) -> Int {
        unsafe events[count] = event
        unsafe events[count].lane = lane
        count += 1
        return count - 1
    }

    /// When the operation at a place began.
    public func start(of place: Int) -> UInt64 {
        unsafe events[place].start
    }

    /// Adds to an operation that is under way.
    public func update(_ place: Int, _ update: (inout HistoryEvent) -> Void) {
        unsafe update(&events[place])
    }

    /// Records that the operation has ended, with what `update` adds to it.
    public func end(_ place: Int, at finish: UInt64, _ update: (inout HistoryEvent) -> Void = { _ in }) {
        unsafe update(&events[place])
        // A kill between the two leaves an operation without an end. The system call in `now()` keeps the compiler from swapping them.
        _ = MonotonicTime.now()
        unsafe events[place].finish = finish
    }

    /// Records an operation that has ended.
    public func append(_ event: HistoryEvent, finish: UInt64) {
        end(begin(event), at: finish)
    }

    /// The recorded events of a file.
    public static func events(in path: String) throws -> [HistoryEvent] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        let length = Int(lseek(descriptor, 0, SEEK_END))
        // Its process was killed before it had given the file its length.
        if length == 0 { return [] }
        guard let address = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0),
            unsafe address != MAP_FAILED
        else { throw SystemError("mmap") }
        defer { unsafe munmap(address, length) }
        let capacity = length / MemoryLayout<HistoryEvent>.stride
        let events = unsafe UnsafeBufferPointer(
            start: address.bindMemory(to: HistoryEvent.self, capacity: capacity), count: capacity)
        // The start of an event is never 0.
        return unsafe Array(events.prefix { $0.start != 0 })
    }
}
