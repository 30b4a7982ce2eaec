internal import LMDB

/// What the store records about its purpose if it is a cache, in the table `larder` under `purpose`; a store that only keeps has no such
/// entry. All numbers are little-endian.
///
/// | bytes | meaning |
/// | --: | --- |
/// | 8 | the budget on disk in bytes |
/// | 8 | checksum: XXH3-64 of the bytes before it, seeded with the store's hash seed |
enum RecordedPurpose {
    static let keyName = "purpose"
    static let key: [UInt8] = Array(keyName.utf8)

    /// Records a budget in the store's own table.
    static func put(
        _ budget: DiskBudget, seed: UInt64, in table: Table, of transaction: inout WriteTransaction
    ) throws {
        var writer = ByteWriter()
        writer.append(UInt64(budget.bytes))
        writer.appendChecksum(seed: seed)
        try transaction.put(writer.bytes.span, for: key.span, in: table)
    }

    /// - Throws: ``LarderError/Code-swift.struct/damagedStore``.
    static func budget(_ bytes: Span<UInt8>, seed: UInt64) throws -> DiskBudget {
        var reader = ByteReader(bytes)
        guard let number = try? reader.integer(UInt64.self), let budget = Int(exactly: number),
            (try? reader.checksum(seed: seed)) != nil, budget >= DiskBudget.minimum
        else { throw LarderError(.damagedStore, "the record of the store's purpose is damaged") }
        return DiskBudget(bytes: budget)
    }
}

extension StorePurpose {
    /// The budget to record in a new store.
    var diskBudget: DiskBudget? {
        if case .cache(let budget) = self { DiskBudget(bytes: budget.bytes) } else { nil }
    }
}

extension DurableTier {
    /// The budget on disk that the store records, or `nil` if it is not a cache.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/damagedStore``; `LMDBError`.
    func recordedBudget(in transaction: borrowing some ReadableTransaction & ~Copyable) throws -> DiskBudget? {
        try transaction.withValue(for: RecordedPurpose.key.span, in: descriptions) { bytes in
            try RecordedPurpose.budget(bytes, seed: header.hashSeed)
        }
    }

    /// Settles what the store is opened as: the budget on disk, or `nil`. Records a budget that differs from the one before.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/purposeMismatch``; what a commit throws.
    static func settle(
        _ purpose: StorePurpose, _ environment: Environment, _ descriptions: Table, hashSeed: UInt64
    ) throws -> DiskBudget? {
        let recorded = try environment.read { transaction in
            try transaction.withValue(for: RecordedPurpose.key.span, in: descriptions) { bytes in
                try RecordedPurpose.budget(bytes, seed: hashSeed)
            }
        }
        switch (purpose, recorded) {
        case (.adopted, _): return recorded
        case (.store, nil): return nil
        case (.store, .some):
            throw LarderError(.purposeMismatch, "it was made as a cache, which evicts, and not as a store")
        case (.cache, nil):
            throw LarderError(.purposeMismatch, "it was made as a store, which keeps everything, and not as a cache")
        case (.cache(let bytes), .some(let recorded)):
            let budget = DiskBudget(bytes: bytes.bytes)
            if budget != recorded {
                try environment.write { transaction in
                    try RecordedPurpose.put(budget, seed: hashSeed, in: descriptions, of: &transaction)
                }
            }
            return budget
        }
    }
}
