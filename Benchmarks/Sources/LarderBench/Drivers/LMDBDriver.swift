import CRawLMDB

/// Raw LMDB from C, with a fresh snapshot for every get: the limit of Larder's durable tier.
struct LMDBDriver: Driver {
    private let lmdb: RawLMDB

    init(_ options: DriverOptions) throws {
        lmdb = try RawLMDB(options)
    }

    func makeSession() throws -> RawLMDB.Session { try RawLMDB.Session(lmdb, longSnapshot: false) }
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        try lmdb.write(records, range, appending: appending)
    }
    func scan(verifying: Bool) throws -> ScanSum { try lmdb.scan() }
    func settle() throws { try lmdb.sync() }
}

/// Raw LMDB from C, with one snapshot held for all gets of a thread: what a program can have that need not see others' writes.
struct LongSnapshotLMDBDriver: Driver {
    private let lmdb: RawLMDB

    init(_ options: DriverOptions) throws {
        lmdb = try RawLMDB(options)
    }

    func makeSession() throws -> RawLMDB.Session { try RawLMDB.Session(lmdb, longSnapshot: true) }
    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        try lmdb.write(records, range, appending: appending)
    }
    func settle() throws { try lmdb.sync() }
}

/// An error of liblmdb or of the system under it.
struct RawLMDBError: Error, CustomStringConvertible {
    let code: Int32

    var description: String { unsafe "LMDB: \(String(cString: raw_lmdb_message(code)))" }

    static func check(_ code: Int32) throws {
        if code != 0 { throw RawLMDBError(code: code) }
    }
}

/// An open environment, closed with its last reference. LMDB does its own locking, so threads may share it.
@safe final class RawLMDB: @unchecked Sendable {
    fileprivate let handle: OpaquePointer

    init(_ options: DriverOptions) throws {
        try options.refuseMemoryAlone()
        // Address space, not memory or disk: many times what the entries fill, and little enough for valgrind.
        let mapSize = max(1 << 30, options.entries * (Entry.keySize + options.valueSize) * 8)
        var opened: OpaquePointer?
        try unsafe RawLMDBError.check(raw_lmdb_open(options.directory, options.flushing, mapSize, &opened))
        unsafe handle = opened!
    }

    deinit {
        unsafe raw_lmdb_close(handle)
    }

    func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
        let start = range.lowerBound * records.stride
        try unsafe records.bytes.withUnsafeBytes { bytes in
            try unsafe RawLMDBError.check(
                raw_lmdb_put_many(
                    handle, bytes.baseAddress! + start, range.count, Entry.keySize, records.valueSize, appending))
        }
    }

    func scan() throws -> ScanSum {
        var sum = ScanSum()
        try unsafe RawLMDBError.check(raw_lmdb_scan(handle, &sum.entries, &sum.firstBytes))
        return sum
    }

    func sync() throws {
        try unsafe RawLMDBError.check(raw_lmdb_sync(handle))
    }

    /// A reader of one thread, with the buffer that values are copied to.
    @safe final class Session: DriverSession {
        private static let absent = raw_lmdb_not_found()

        private let lmdb: RawLMDB
        private let reader: OpaquePointer
        private let buffer: UnsafeMutableRawBufferPointer

        init(_ lmdb: RawLMDB, longSnapshot: Bool) throws {
            var opened: OpaquePointer?
            try unsafe RawLMDBError.check(raw_lmdb_reader_open(lmdb.handle, longSnapshot, &opened))
            self.lmdb = lmdb
            unsafe reader = opened!
            unsafe buffer = .allocate(byteCount: 1 << 16, alignment: 8)
        }

        deinit {
            unsafe raw_lmdb_reader_close(reader)
            unsafe buffer.deallocate()
        }

        /// Copies a value to the buffer and returns its size.
        private func copy(_ key: Span<UInt8>) throws -> Int? {
            var size = 0
            let code = unsafe key.withUnsafeBytes { key in
                unsafe raw_lmdb_get(reader, key.baseAddress, key.count, buffer.baseAddress, buffer.count, &size)
            }
            if code == Self.absent { return nil }
            try RawLMDBError.check(code)
            return size
        }

        func get(_ key: Span<UInt8>) throws -> Glimpse? {
            guard let size = try copy(key) else { return nil }
            return unsafe Glimpse(size: size, head: buffer.load(as: UInt64.self))
        }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
            let code = unsafe key.withUnsafeBytes { key in
                unsafe value.withUnsafeBytes { value in
                    unsafe raw_lmdb_put(lmdb.handle, key.baseAddress, key.count, value.baseAddress, value.count)
                }
            }
            try RawLMDBError.check(code)
        }

        func value(for key: Span<UInt8>) throws -> [UInt8]? {
            guard let size = try copy(key) else { return nil }
            return unsafe Array(buffer[..<size])
        }
    }
}
