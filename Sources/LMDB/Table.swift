internal import CLMDB

/// A named tree of an LMDB file (LMDB calls it a database), sorted by the keys' bytes.
///
/// A table stays valid until it is dropped or its environment is closed. It is a number and costs nothing to copy.
@usableFromInline
package struct Table: Hashable, Sendable {
    let handle: MDB_dbi
}

/// How many entries and pages a table has.
package struct TableStatistics: Hashable, Sendable {
    /// Entries in the table.
    package var entries: Int
    /// Pages of the tree and its large values.
    package var pages: Int
    /// Bytes of those pages.
    package var bytes: Int
}
