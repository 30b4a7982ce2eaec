/// What a store is for: whether what is written stays, or may make room for other entries.
///
/// The purpose is recorded in the store when it is made, and whoever opens it names the same. So nobody's data is evicted because of
/// another process's options.
public enum StorePurpose: Hashable, Sendable {
    /// Entries stay until they are removed or expire; the file grows as it must. The default.
    case store
    /// Entries may be evicted so that the file stays within a budget: those that have expired first, then those that were not read lately.
    /// See <doc:DiskBudget>.
    ///
    /// The budget is at least 4 MiB. It is recorded too: the process that opened the store last decides for all of them.
    case cache(diskBudget: ByteCount)
    /// As the store records it; a new store is made as ``store``. For tools.
    case adopted
}
