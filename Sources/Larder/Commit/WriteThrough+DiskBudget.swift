internal import LMDB

extension WriteThrough {
    /// Makes room for a transaction that found none within the budget on disk; returns `false` where that is not possible.
    ///
    /// Two commits evict, since what one frees is used again by the commit after the next.
    func makeRoom(for wanted: WantedRoom, effort: Int, _ disk: DiskEviction, _ writer: borrowing Writer) throws -> Bool
    {
        writer.freeDeadReaders()
        for step in 0..<2 {
            guard let plan = try disk.planForRoom(wanted, effort: effort, step: step),
                try evictAlone(plan, disk, writer)
            else { return false }
        }
        return true
    }

    /// Commits an eviction, or the half of it that finds room.
    private func evictAlone(_ plan: EvictionPlan, _ disk: DiskEviction, _ writer: borrowing Writer) throws -> Bool {
        while true {
            switch try attempt([], evicting: plan, writer) {
            case .committed: return true
            case .failed(_, let error): throw error
            case .mapFull:
                // Even a removal copies the pages that it changes, and the reserve is for that.
                if plan.halve() { continue }
                guard try disk.hasReserve() else { return false }
                try writer.growMap()
            }
        }
    }
}
