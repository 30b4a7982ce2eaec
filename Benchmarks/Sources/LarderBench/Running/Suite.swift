/// A case with its parameters: what the peers of one group of rows all do.
struct Cell: Sendable {
    var `case`: Case
    var threads: Int
    var valueSize: Int
    var distribution: Distribution
    var durable: Bool
    var peers: [Peer]

    init(
        _ case: Case, threads: Int = 1, valueSize: Int = 100, _ distribution: Distribution, durable: Bool = false,
        _ peers: [Peer]
    ) {
        self.case = `case`
        self.threads = threads
        self.valueSize = valueSize
        self.distribution = distribution
        self.durable = durable
        self.peers = peers
    }
}

/// Which cells a run measures.
enum Suite {
    /// Every case, with every peer: what a peer does not offer is skipped with its reason.
    static let everything: [Cell] = {
        let all = Peer.reported
        let readers = all.filter { $0 != .larderAsync }
        let onDisk = readers.filter(\.keepsOnDisk)
        // One of each library: how a peer reads makes no difference to how it writes.
        let writers: [Peer] = [.larder, .larderAsync, .lmdb, .rocksDB, .sqlite]
        let blocking = writers.filter { $0 != .larderAsync }
        let inMemory: [Peer] = [.larder, .dictionary, .arrayKeyedDictionary, .nsCache, .caffeine, .caffeineBytes]
        var cells: [Cell] = []
        for valueSize in [100, 1024] {
            for distribution in [Distribution.zipf, .uniform] {
                for threads in [1, 2] {
                    cells.append(Cell(.memoryGetHit, threads: threads, valueSize: valueSize, distribution, readers))
                }
            }
            cells.append(Cell(.diskGet, valueSize: valueSize, .uniform, onDisk))
            cells.append(Cell(.memoryGetEvicting, valueSize: valueSize, .zipf, [.larderBorrow] + inMemory))
            for distribution in [Distribution.uniform, .zipf] {
                for threads in [1, 16, 64] {
                    cells.append(
                        Cell(.durablePut, threads: threads, valueSize: valueSize, distribution, durable: true, writers))
                }
            }
            for distribution in [Distribution.uniform, .zipf] {
                cells.append(
                    Cell(.durableBatchPut, valueSize: valueSize, distribution, durable: true, [.larder, .lmdb]))
            }
            for `case` in [Case.unflushedPut, .batchPut, .bulkLoadSorted, .bulkLoadRandom] {
                cells.append(Cell(`case`, valueSize: valueSize, .uniform, writers))
            }
            for `case` in [Case.scan, .scanUnverified] {
                cells.append(Cell(`case`, valueSize: valueSize, .uniform, blocking))
            }
            cells.append(Cell(.memoryOverhead, valueSize: valueSize, .uniform, inMemory))
        }
        for `case` in [Case.ycsbA, .ycsbB, .ycsbC] {
            for threads in [1, 2] {
                cells.append(Cell(`case`, threads: threads, .zipf, blocking + inMemory.dropFirst()))
            }
            cells.append(Cell(`case`, threads: 16, .zipf, durable: true, blocking))
        }
        cells.append(Cell(.reopenKilled, .uniform, blocking))
        cells.append(Cell(.memoryGetHitInstructions, .zipf, readers))
        return cells
    }()

    private static let hitPeers: [Peer] = [.larder, .larderBorrow, .larderObject, .lmdb, .caffeine, .caffeineBytes]

    /// The cells that the project sets figures for, with the peers that the figures name.
    static let figures: [Cell] = [
        Cell(.memoryGetHit, threads: 1, .zipf, hitPeers),
        Cell(.memoryGetHit, threads: 2, .zipf, hitPeers),
        Cell(.memoryGetHitInstructions, .zipf, [.larder, .larderBorrow, .larderObject, .lmdb, .dictionary]),
        Cell(.diskGet, .uniform, [.larder, .lmdb]),
        Cell(.memoryGetEvicting, .zipf, [.larder, .larderBorrow, .caffeine, .caffeineBytes]),
        Cell(.memoryOverhead, .uniform, [.larder, .dictionary, .arrayKeyedDictionary, .caffeine, .caffeineBytes]),
        Cell(.durablePut, threads: 1, .uniform, durable: true, [.larder, .larderAsync, .lmdb]),
        Cell(.durablePut, threads: 64, .uniform, durable: true, [.larder, .lmdb]),
        Cell(.durablePut, threads: 64, .zipf, durable: true, [.larder, .lmdb]),
        Cell(.durableBatchPut, .uniform, durable: true, [.larder, .lmdb]),
        Cell(.durableBatchPut, .zipf, durable: true, [.larder, .lmdb]),
        Cell(.unflushedPut, .uniform, [.larder, .larderAsync, .lmdb]),
        Cell(.batchPut, .uniform, [.larder, .larderAsync, .lmdb]),
        Cell(.bulkLoadSorted, .uniform, [.larder, .larderAsync, .lmdb]),
        Cell(.bulkLoadRandom, .uniform, [.larder, .larderAsync, .lmdb]),
        Cell(.scan, .uniform, [.larder, .lmdb]),
        Cell(.scanUnverified, .uniform, [.larder, .lmdb]),
    ]
}
