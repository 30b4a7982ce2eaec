import CLMDB
import DurabilityKit

/// Looks at the table of readers without changing it.
enum ReaderTable {
    /// Says the table's lines.
    static func list(_ path: String) throws {
        var environment: OpaquePointer?
        guard unsafe mdb_env_create(&environment) == 0, let environment = unsafe environment else {
            throw SystemError("mdb_env_create")
        }
        defer { unsafe mdb_env_close(environment) }
        guard unsafe mdb_env_open(environment, path, UInt32(MDB_NOTLS | MDB_RDONLY), 0o600) == 0 else {
            throw SystemError("mdb_env_open")
        }
        _ = unsafe mdb_reader_list(
            environment,
            { line, _ in
                if let line = unsafe line { say(unsafe String(cString: line)) }
                return 0
            }, nil)
    }
}
