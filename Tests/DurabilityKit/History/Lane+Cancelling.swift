internal import Larder

extension Lane {
    /// Performs a write in a task of its own, which is cancelled after a moment: some writes are still waiting for a commit of others then,
    /// some have begun, and some have ended.
    func performAndCancel(_ write: WriteOperation, at places: [Int]) async throws -> WriteOperation.Answer {
        let noting = noting(places)
        let task = Task { [stores] in try await write.perform(in: stores, willFollow: noting) }
        switch generator.below(4) {
        case 0: break
        case 1: try await Task.sleep(nanoseconds: UInt64(generator.below(1_000_000)))
        default: for _ in 0..<generator.below(16) { await Task.yield() }
        }
        task.cancel()
        do {
            return try await task.value
        } catch is CancellationError {
            return .withdrawn
        }
    }
}
