/// What a store holds, compared with the writes that a replay was told are durable.
struct JournalVerification: Equatable {
    /// Writes in the journal.
    var acknowledged: Int
    /// Those of which neither the version nor a later one of its key is in the store.
    var lost: Int
    /// Values under a number as key that are not, byte for byte, what a replay writes there.
    var wrong: Int

    var isSound: Bool { lost == 0 && wrong == 0 }
}

/// Compares the records of a cache with a replay's journal, one record at a time.
final class JournalComparison {
    private let entries: [Journal.Entry]
    private var stored: [UInt64: UInt64] = [:]
    private var wrong = 0

    /// - Throws: As ``Journal/entries(of:)``.
    init(journal: String) throws {
        entries = try Journal.entries(of: journal)
    }

    /// Takes a record that is there. Records whose key is no number are somebody else's.
    func visit(key: Span<UInt8>, payload: Span<UInt8>) {
        let text = unsafe key.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
        guard let number = UInt64(text), "\(number)" == text else { return }
        if let version = ReplayValue.verifiedVersion(of: payload, key: number) {
            stored[number] = version
        } else {
            wrong += 1
        }
    }

    /// The outcome, when every record was visited.
    var result: JournalVerification {
        let lost = entries.count { entry in stored[entry.key].map { $0 < entry.version } ?? true }
        return JournalVerification(acknowledged: entries.count, lost: lost, wrong: wrong)
    }
}
