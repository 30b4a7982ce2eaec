import LMDB
import TestSupport
import Testing

@Suite(.enabled(if: canMount, "mounting a file system needs root"))
struct `On a full disk` {
    let scratch = ScratchDirectory()

    @Test func `a commit fails whole, reads go on, and after a removal writes do too`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            #expect(mountPrivately(at: path, bytes: 4 << 20))
            let environment = try Environment.openForTest(path + "/store")
            let table = try environment.table
            let value = [UInt8](repeating: 1, count: 100_000)
            var count = 0
            var failure: LMDBError.Code?
            while failure == nil {
                failure = code {
                    try environment.write { transaction in
                        try transaction.put(value, "\(count)".bytes, in: table)
                        try transaction.put("\(count)", "count", in: table)
                    }
                }
                if failure == nil { count += 1 }
            }
            #expect(failure == .inputOutput || failure == .noSpace)
            #expect(FileSystem.isFull(at: path))
            #expect(count > 10)
            try environment.read { transaction throws in
                #expect(try transaction.string("count", in: table) == "\(count - 1)")
                #expect(try transaction.statistics(of: table).entries == count + 1)
                for index in 0..<count { #expect(try transaction.value("\(index)".bytes, in: table) == value) }
            }
            try environment.write { transaction in
                for index in 0..<count / 2 { try transaction.delete("\(index)".bytes.span, in: table) }
            }
            // Pages freed by one commit are free for the commits after the next.
            try environment.write { try $0.put("1", "turn", in: table) }
            try environment.write { try $0.put(value, "again".bytes, in: table) }
            try environment.close()

            let again = try Environment.openForTest(path + "/store")
            let reopened = try again.table
            #expect(try again.read { try $0.value("again".bytes, in: reopened) } == value)
        }
    }

    @Test func `a new file is not made, or made whole`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            #expect(mountPrivately(at: path, bytes: 1 << 16))
            let refusal = code {
                _ = try Environment.open(at: path + "/store") { transaction in
                    let table = try transaction.createTable("t")
                    try transaction.put([UInt8](repeating: 1, count: 1 << 17), "a".bytes, in: table)
                }
            }
            #expect(refusal == .inputOutput || refusal == .noSpace)
            #expect(!exists(path + "/store/data.mdb"))
            let left = try names(in: path + "/store").filter { $0.hasPrefix("creating.") }
            #expect(left == [])
        }
    }

    @Test func `a drop that fails keeps the table, and no other table takes its handle`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            #expect(mountPrivately(at: path, bytes: 2 << 20))
            let environment = try Environment.openForTest(path + "/store")
            let other = try environment.writeTables { try $0.createTable("other") }
            let table = try environment.table
            try environment.write { try $0.put("mine", "a", in: table) }
            var wasInvalidated = false
            let large = [UInt8](repeating: 1, count: 4 << 20)
            // What is written alongside does not fit on the disk, so the commit of the drop fails.
            let failure = code {
                try environment.dropTable("t") { transaction throws(LMDBError) in
                    try transaction.put(large.span, for: "large".bytes.span, in: other)
                } invalidated: {
                    wasInvalidated = true
                }
            }
            #expect(wasInvalidated, "LMDB has closed the handle")
            #expect(failure == .inputOutput || failure == .noSpace)
            let third = try environment.writeTables { try $0.createTable("third") }
            try environment.write { try $0.put("theirs", "a", in: third) }
            let again = try #require(try environment.openTable("t"))
            #expect(again != third)
            #expect(try environment.read { try $0.string("a", in: again) } == "mine")
        }
    }
}
