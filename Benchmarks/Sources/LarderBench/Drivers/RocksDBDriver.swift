#if RocksDB
    import CRocksDB

    /// RocksDB through its C API, with a block cache that holds everything.
    struct RocksDBDriver: Driver {
        private let database: RocksDB

        init(_ options: DriverOptions) throws {
            database = try RocksDB(options, rowCache: false)
        }

        func makeSession() -> RocksDB.Session { RocksDB.Session(database) }
        func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
            try database.write(records, range)
        }
        func scan(verifying: Bool) throws -> ScanSum { try database.scan(verifying: verifying) }
        func settle() throws { try database.settle() }
    }

    /// The same with a row cache before the block cache, which spares a hit the search within the block.
    struct RowCacheRocksDBDriver: Driver {
        private let database: RocksDB

        init(_ options: DriverOptions) throws {
            database = try RocksDB(options, rowCache: true)
        }

        func makeSession() -> RocksDB.Session { RocksDB.Session(database) }
        func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
            try database.write(records, range)
        }
        func scan(verifying: Bool) throws -> ScanSum { try database.scan(verifying: verifying) }
        func settle() throws { try database.settle() }
    }

    /// An error as RocksDB words it.
    struct RocksDBError: Error, CustomStringConvertible {
        let description: String
    }

    /// An open database, closed with its last reference. RocksDB does its own locking, so threads may share it.
    @safe final class RocksDB: @unchecked Sendable {
        fileprivate let handle: OpaquePointer
        fileprivate let readOptions: OpaquePointer
        fileprivate let writeOptions: OpaquePointer

        init(_ options: DriverOptions, rowCache: Bool) throws {
            try options.refuseMemoryAlone()
            // Twice the data: RocksDB rounds and shards, and nothing is to be evicted.
            let cacheSize = max(64 << 20, 2 * options.entries * (Entry.keySize + options.valueSize + 64))
            let settings = unsafe rocksdb_options_create()!
            defer { unsafe rocksdb_options_destroy(settings) }
            unsafe rocksdb_options_set_create_if_missing(settings, 1)
            unsafe rocksdb_options_set_compression(settings, Int32(rocksdb_no_compression))
            unsafe rocksdb_options_increase_parallelism(settings, 2)
            let table = unsafe rocksdb_block_based_options_create()!
            defer { unsafe rocksdb_block_based_options_destroy(table) }
            unsafe rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru(cacheSize))
            unsafe rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
            unsafe rocksdb_options_set_block_based_table_factory(settings, table)
            if rowCache { unsafe rocksdb_options_set_row_cache(settings, rocksdb_cache_create_lru(cacheSize)) }
            unsafe handle = try unsafe Self.checked { unsafe rocksdb_open(settings, options.directory, $0) }!
            unsafe readOptions = rocksdb_readoptions_create()
            unsafe writeOptions = rocksdb_writeoptions_create()
            unsafe rocksdb_writeoptions_set_sync(writeOptions, options.flushing ? 1 : 0)
        }

        deinit {
            unsafe rocksdb_readoptions_destroy(readOptions)
            unsafe rocksdb_writeoptions_destroy(writeOptions)
            unsafe rocksdb_close(handle)
        }

        func write(_ records: Records, _ range: Range<Int>) throws {
            let batch = unsafe rocksdb_writebatch_create()!
            defer { unsafe rocksdb_writebatch_destroy(batch) }
            unsafe records.bytes.withUnsafeBytes { bytes in
                let base = unsafe bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
                for position in range {
                    let key = unsafe base + position * records.stride
                    unsafe rocksdb_writebatch_put(batch, key, Entry.keySize, key + Entry.keySize, records.valueSize)
                }
            }
            try unsafe Self.checked { unsafe rocksdb_write(handle, writeOptions, batch, $0) }
        }

        func scan(verifying: Bool) throws -> ScanSum {
            let options = unsafe rocksdb_readoptions_create()!
            defer { unsafe rocksdb_readoptions_destroy(options) }
            unsafe rocksdb_readoptions_set_verify_checksums(options, verifying ? 1 : 0)
            let iterator = unsafe rocksdb_create_iterator(handle, options)!
            defer { unsafe rocksdb_iter_destroy(iterator) }
            var sum = ScanSum()
            unsafe rocksdb_iter_seek_to_first(iterator)
            while unsafe rocksdb_iter_valid(iterator) != 0 {
                var size = 0
                let value = unsafe rocksdb_iter_value(iterator, &size)!
                sum.entries += 1
                sum.firstBytes += UInt64(UInt8(bitPattern: unsafe value.pointee))
                unsafe rocksdb_iter_next(iterator)
            }
            try unsafe Self.checked { unsafe rocksdb_iter_get_error(iterator, $0) }
            return sum
        }

        /// Writes the memtable out and compacts, so that gets find a tree at rest rather than the leavings of the load.
        func settle() throws {
            let options = unsafe rocksdb_flushoptions_create()!
            defer { unsafe rocksdb_flushoptions_destroy(options) }
            try unsafe Self.checked { unsafe rocksdb_flush(handle, options, $0) }
            unsafe rocksdb_compact_range(handle, nil, 0, nil, 0)
        }

        @discardableResult
        fileprivate static func checked<R>(
            _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
        ) throws -> R {
            var message: UnsafeMutablePointer<CChar>?
            let result = unsafe call(&message)
            if let message = unsafe message {
                defer { unsafe rocksdb_free(message) }
                throw unsafe RocksDBError(description: "RocksDB: \(String(cString: message))")
            }
            return result
        }

        /// Gets copy the value, as the other peers' do, out of the pinned slice that spares RocksDB a copy of its own.
        @safe final class Session: DriverSession {
            private let database: RocksDB
            private let buffer: UnsafeMutableRawBufferPointer

            init(_ database: RocksDB) {
                self.database = database
                unsafe buffer = .allocate(byteCount: 1 << 16, alignment: 8)
            }

            deinit {
                unsafe buffer.deallocate()
            }

            /// Copies a value to the buffer and returns its size.
            private func copy(_ key: Span<UInt8>) throws -> Int? {
                let pinned = try unsafe key.withUnsafeBytes { key in
                    try unsafe RocksDB.checked {
                        unsafe rocksdb_get_pinned(
                            database.handle, database.readOptions, key.assumingMemoryBound(to: CChar.self).baseAddress,
                            key.count, $0)
                    }
                }
                guard let pinned = unsafe pinned else { return nil }
                defer { unsafe rocksdb_pinnableslice_destroy(pinned) }
                var size = 0
                let value = unsafe rocksdb_pinnableslice_value(pinned, &size)
                guard unsafe size <= buffer.count else { throw RocksDBError(description: "a value of \(size) bytes") }
                unsafe buffer.baseAddress!.copyMemory(from: value!, byteCount: size)
                return size
            }

            func get(_ key: Span<UInt8>) throws -> Glimpse? {
                guard let size = try copy(key) else { return nil }
                return unsafe Glimpse(size: size, head: buffer.load(as: UInt64.self))
            }

            func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
                try unsafe key.withUnsafeBytes { key in
                    try unsafe value.withUnsafeBytes { value in
                        try unsafe RocksDB.checked {
                            unsafe rocksdb_put(
                                database.handle, database.writeOptions,
                                key.assumingMemoryBound(to: CChar.self).baseAddress, key.count,
                                value.assumingMemoryBound(to: CChar.self).baseAddress, value.count, $0)
                        }
                    }
                }
            }

            func value(for key: Span<UInt8>) throws -> [UInt8]? {
                guard let size = try copy(key) else { return nil }
                return unsafe Array(buffer[..<size])
            }
        }
    }
#endif
