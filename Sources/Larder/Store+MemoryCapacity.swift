extension Store {
    /// Gives the memory tier another budget while the store is in use: less where the process is short of memory, more where there is some to spare.
    ///
    /// When it returns, memory holds no more than that. Where it held more, the entries least worth keeping are evicted, as ``RemovalCause/size``, and what they
    /// leave is given back to the system; nothing is lost, since all of it is on disk. It stays in force until the store is closed, and others that have opened the
    /// same directory are not concerned.
    ///
    /// Costs a few hundred nanoseconds for each entry that goes. Memory that becomes larger than it ever was also copies what it holds, an eighth of it at a time
    /// or so. Reads and writes go on meanwhile; they may wait for a part of memory to be done. In how many parts threads can change memory at once is decided at the
    /// opening, by the capacity and the processors there: a store that is to become large is better opened large and made smaller.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/invalidOption`` for less than 32 KiB, or 16 KiB for each of those parts, of which there are two for each
    ///   processor at most, and for a store that was opened without memory: it stays without; ``LarderError/Code-swift.struct/closed``,
    ///   ``LarderError/Code-swift.struct/forked``.
    public func setMemoryCapacity(_ capacity: ByteCount) throws {
        try checkUsable()
        guard let least = memory.leastCapacity else {
            throw LarderError(.invalidOption, "the store was opened without memory")
        }
        // As at the opening: what is known of the reads is part of it.
        let beside = durable.references?.byteCount ?? 0
        guard capacity.bytes >= least + beside else {
            throw LarderError(.invalidOption, "the memory capacity is less than \(least + beside) bytes")
        }
        memory.resize(capacity: capacity.bytes - beside)
    }
}
