/// The slots of an LMDB file's reader table.
public enum ReaderSlots {
    /// The processes that hold a slot of the store's file, one element a slot. A process of its own looks, since this one may have the
    /// store open.
    static func owners(worker: String, store: String) throws -> [Int32] {
        let child = try ChildProcess(worker, ["readers", store])
        var owners: [Int32] = []
        while let line = try child.readLine() {
            // `mdb_reader_list` prints process, thread and transaction behind a heading.
            if let field = line.split(separator: " ").first, let owner = Int32(field) { owners.append(owner) }
        }
        guard child.wait() == .exited(0) else { throw SystemError("the reader table of \(store)", code: 5) }
        return owners
    }
}
