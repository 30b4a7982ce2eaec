/// Lookups. Most of them are answered without the shard's lock; the rest under it.
extension MemoryTier {
    /// What a lookup finds.
    struct Hit {
        var value: MemoryValue
        var expiry: Milliseconds
    }

    /// The entry of a key, unless it is older than `floor` or expired.
    ///
    /// A decoded object or a long value is retained, a short one copied into a new array; see ``withBytes(for:hash:keyspace:floor:_:)``.
    ///
    /// - Parameter isObject: Whether the value is likely to be a decoded object.
    @inline(__always)
    func lookup(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64, isObject: Bool = false
    ) -> Hit? {
        var hit: Hit?
        let verdict: Verdict
        if isObject {
            verdict = attemptOutside(key, hash, keyspace, floor, &hit)
        } else {
            verdict = attemptInside(key, hash, keyspace, floor, &hit)
        }
        switch verdict {
        case .hit: return hit
        case .miss: return nil
        case .undecided: return lookupAgain(key, hash, keyspace, floor, isObject: isObject)
        }
    }

    /// Looks up what a first attempt left undecided.
    @inline(never)
    private func lookupAgain(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64, isObject: Bool = false
    ) -> Hit? {
        var hit: Hit?
        let isSampled = isSampled(hash)
        if isSampled, !isObject {
            let verdict = attemptInside(key, hash, keyspace, floor, &hit, evenIfSampled: true)
            if verdict == .miss { return nil }
            if verdict == .hit { showShadows(key, hash, keyspace) }
        }
        // It may be a long value.
        if hit == nil, isSampled || !isObject {
            let verdict = attemptOutside(key, hash, keyspace, floor, &hit, evenIfSampled: true)
            if verdict == .miss { return nil }
            if verdict == .hit, isSampled { showShadows(key, hash, keyspace) }
        }
        return hit ?? lookupWithLock(key, hash, keyspace, floor)
    }

    private func lookupWithLock(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64
    ) -> Hit? {
        guard isOn else { return nil }
        let shard = shard(of: hash)
        let isSampled = isSampled(hash)
        var hasExpired = false
        var isFirstUse = false
        let (hit, needsCare) = shards.withLock(shard) { state -> (Hit?, Bool) in
            let view = state.entries.view
            let found = view.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
            guard found.isThere else { return (nil, false) }
            if let cause = view.staleness(of: found, floor: floor, clock: clock) {
                hasExpired = cause == .expired
                return (nil, false)
            }
            isFirstUse = view.noteHit(found, by: shards.withFront(shard) { $0.hitRule })
            if isSampled {
                state.feed.add(hash, weight: state.entries.weight(of: view.entry(of: found)), isHit: true)
            }
            return (Hit(value: state.value(found), expiry: view.expiry(of: found)), state.needsCare)
        }
        if hit != nil { counters.countHit() } else { counters.countMiss() }
        if isFirstUse, shards.withFront(shard, { $0.countUse() }) { shards.handUses(shard) }
        if hasExpired {
            step(hash) { $0.reclaim(key, hash: hash, keyspace: keyspace, floor: floor, clock: clock) }
        }
        if needsCare { care(for: shard) }
        return hit
    }

    /// Copies the bytes of a key's value into `buffer`, if they fit, and returns how many there are.
    ///
    /// Nothing is allocated. Returns nil if there is no valid entry, or if it holds a decoded object; what is in `buffer` then means nothing.
    @inline(__always)
    func copyValue(
        for key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64,
        into buffer: inout MutableSpan<UInt8>
    ) -> Int? {
        var count = 0
        let verdict = attempt(key, hash, keyspace, floor) { view, found in
            guard let bytes = view.inlineValue(of: found) else { return false }
            count = bytes.count
            unsafe buffer.withUnsafeMutableBytes { target in
                if bytes.count <= target.count { unsafe bytes.copy(to: target) }
            }
            return true
        }
        if verdict == .hit { return count }
        if verdict == .miss { return nil }
        return copyValueAgain(key, hash, keyspace, floor, &buffer)
    }

    @inline(never)
    private func copyValueAgain(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64,
        _ buffer: inout MutableSpan<UInt8>
    ) -> Int? {
        let hit = lookupAgain(key, hash, keyspace, floor)
        guard let hit, case .bytes(let bytes) = hit.value else { return nil }
        buffer.copyIfFitting(bytes.span)
        return bytes.count
    }

    /// Calls `body` with the bytes of a key's value and its deadline, or returns nil if there is no valid entry, or one that holds an object.
    ///
    /// A short value is copied to the stack, a long one retained. No lock is held while `body` runs, so it may do what it likes.
    @inline(__always)
    func withBytes<Result>(
        for key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64,
        _ body: (Span<UInt8>, Milliseconds) throws -> Result
    ) rethrows -> Result? {
        return try unsafe withUnsafeTemporaryAllocation(byteCount: EntryBlock.inlineLimit, alignment: 16) { scratch in
            var count = 0
            var expiry: Milliseconds = 0
            let verdict = attempt(key, hash, keyspace, floor) { view, found in
                guard let bytes = view.inlineValue(of: found) else { return false }
                count = bytes.count
                expiry = view.expiry(of: found)
                unsafe bytes.copy(to: scratch)
                return true
            }
            if verdict == .hit {
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: scratch[..<count])
                return unsafe try body(Span<UInt8>(_unsafeBytes: bytes), expiry)
            }
            if verdict == .miss { return nil }
            let hit = lookupAgain(key, hash, keyspace, floor)
            guard let hit, case .bytes(let bytes) = hit.value else { return nil }
            return try body(bytes.span, hit.expiry)
        }
    }

    /// Whether there is a valid entry of a key, in whatever form. Counts as a use of it.
    @inline(__always)
    func contains(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64
    ) -> Bool {
        let verdict = attempt(key, hash, keyspace, floor) { _, _ in true }
        if verdict == .undecided { return lookupAgain(key, hash, keyspace, floor) != nil }
        return verdict == .hit
    }

    // MARK: Without the lock

    /// What came of a lookup without the lock.
    private enum Verdict {
        case hit
        case miss
        /// Someone was changing the shard, or there is more to do than to look.
        case undecided
    }

    /// Looks a key up without the lock. `take` gets the value of a valid entry, which counts only after a hit; it says whether it could do so without the lock.
    ///
    /// - Parameter evenIfSampled: Whether the key may be one of those that the shadows are shown, which is then up to the caller.
    @inline(__always)
    private func attempt(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64, evenIfSampled: Bool = false,
        take: (ShardView, ShardView.Found) -> Bool
    ) -> Verdict {
        shards.withFront(shard(of: hash)) { front in
            guard evenIfSampled || !isSampled(hash), let sequence = front.beginReading() else { return .undecided }
            let view = front.view
            let found = view.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
            if found.isThere {
                guard view.staleness(of: found, floor: floor, clock: clock) == nil, take(view, found),
                    front.isUnchanged(since: sequence)
                else { return .undecided }
                if view.noteHit(found, by: front.hitRule), front.countUse() { shards.handUses(shard(of: hash)) }
                counters.countHit()
                return .hit
            }
            guard front.isUnchanged(since: sequence) else { return .undecided }
            counters.countMiss()
            return .miss
        }
    }

    /// Shows the shadows a hit, unless someone has the shard's lock: to wait for it is not worth one sample of many.
    @inline(never)
    private func showShadows(_ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32) {
        let shard = shard(of: hash)
        let needsCare = shards.withLockIfAvailable(shard) { state in
            let entry = state.entries.find(key, UInt32(truncatingIfNeeded: hash), keyspace: keyspace)
            if entry != 0 { state.feed.add(hash, weight: state.entries.weight(of: entry), isHit: true) }
            return state.needsCare
        }
        if needsCare == true { care(for: shard) }
    }

    /// Looks up, without the lock, a key whose value lies in its block.
    @inline(__always)
    private func attemptInside(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64, _ hit: inout Hit?,
        evenIfSampled: Bool = false
    ) -> Verdict {
        var found: Hit?
        let verdict = attempt(key, hash, keyspace, floor, evenIfSampled: evenIfSampled) { view, entry in
            guard let bytes = view.inlineValue(of: entry) else { return false }
            found = Hit(value: .bytes(bytes.array), expiry: view.expiry(of: entry))
            return true
        }
        if verdict == .hit { hit = found }
        return verdict
    }

    /// Looks up, without the lock, a key whose value lies outside its block.
    @inline(__always)
    private func attemptOutside(
        _ key: Span<UInt8>, _ hash: UInt64, _ keyspace: UInt32, _ floor: UInt64, _ hit: inout Hit?,
        evenIfSampled: Bool = false
    ) -> Verdict {
        guard let section = retainSections.begin() else { return .undecided }
        defer { retainSections.end(section) }
        var value: OutsideValue?
        var expiry: Milliseconds = 0
        let verdict = attempt(key, hash, keyspace, floor, evenIfSampled: evenIfSampled) { view, found in
            value = view.outsideValue(of: found)
            expiry = view.expiry(of: found)
            return value != nil
        }
        // What stood there after the section had begun is not let go before it ends.
        if verdict == .hit, let value { hit = unsafe Hit(value: value.retain(), expiry: expiry) }
        return verdict
    }
}

extension ShardView {
    /// Why an entry does not answer: it is older than `floor`, or has expired. Nil if it does.
    @inline(__always)
    func staleness(of found: Found, floor: UInt64, clock: WallClock) -> RemovalCause? {
        if found.state.version < floor, ProtocolGuards.comparesFloor { return .outdated }
        if !found.state.isPlain, found.state.expires, clock.now() >= expiry(of: found) { return .expired }
        return nil
    }
}
