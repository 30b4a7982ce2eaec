internal import LMDB

extension Store {
    /// Copies the store, as of one moment, into another directory while it is in use.
    ///
    /// The copy is written beside its final name, flushed, checked page by page and record by record, and only then given its name: a backup that is
    /// there is whole, also after a power cut. It opens as a store like any other. It runs on a thread of its own; writes go on, but the
    /// pages they free are not reused until the copy is written, so the store's file may grow meanwhile.
    ///
    /// It is a long reader: until the copy is written, growth of the map and dropping a cache wait for it, and with them the writes that come
    /// meanwhile, and the reads that memory does not answer. Cancelling the task does not stop it. A process that is killed during a backup
    /// leaves a directory `copying.…` beside the copy's file, which the next backup to that place removes.
    ///
    /// - Parameters:
    ///   - path: The directory, made with mode 0700 if it is missing. It must not hold a store.
    ///   - compacting: Whether free pages are left out: a smaller file, more slowly.
    ///   - progress: Is called about ten times a second from another thread, with the bytes written and the length of the file; with
    ///     `compacting` the copy is shorter, and the last call reports the whole.
    /// - Throws: ``LarderError``: ``LarderError/Code-swift.struct/alreadyExists``, ``LarderError/Code-swift.struct/diskFull``,
    ///   ``LarderError/Code-swift.struct/damagedRecord`` or ``LarderError/Code-swift.struct/damagedStore`` if the copy is damaged, ``LarderError/Code-swift.struct/fileSystem``,
    ///   ``LarderError/Code-swift.struct/closed``. Nothing is left behind then.
    public func backup(
        to path: String, compacting: Bool = false,
        progress: (@Sendable (_ written: ByteCount, _ total: ByteCount) -> Void)? = nil
    ) async throws {
        try checkUsable()
        let total = ByteCount.bytes(try statistics().durable.fileBytes)
        let state = Monitor<(file: String?, result: Result<Void, any Error>?)>((nil, nil))
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            do {
                try BackgroundThread.start { [self] in
                    let result = Result {
                        try copy(to: path, compacting: compacting) { file in state.withLock { $0.file = file } }
                    }
                    state.withLock { $0.result = result }
                    state.wakeAll()
                    if progress == nil { continuation.resume(with: result) }
                }
                guard let progress else { return }
                try BackgroundThread.start {
                    while true {
                        let (file, result) = state.withLock(when: { $0.result != nil }, orAfter: 100_000_000) { $0 }
                        if let file, result == nil, let size = try? FileSystem.size(of: file) {
                            progress(.bytes(min(size.length, total.bytes)), total)
                        }
                        guard let result else { continue }
                        if case .success = result { progress(total, total) }
                        return continuation.resume(with: result)
                    }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private func copy(to path: String, compacting: Bool, started: (String) -> Void) throws {
        try translatingErrors(at: path) {
            try durable.environment.copy(to: path, compacting: compacting, started: started) { directory in
                let verification = try StoreVerification.run(unopenedAt: directory)
                guard verification.isHealthy else {
                    throw LarderError(
                        verification.problems.isEmpty ? .damagedRecord : .damagedStore, "the copy is damaged",
                        cacheName: verification.damagedRecords.first?.cacheName,
                        keyHash: verification.damagedRecords.first?.keyHash)
                }
            }
        }
    }
}
