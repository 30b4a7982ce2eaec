import LMDB
import TestSupport
import Testing

@Suite struct `A meta page that is numbered wrongly` {
    let scratch = ScratchDirectory()

    /// Where the number of a meta page's commit lies in the file.
    private static func offset(_ page: Int, pageSize: Int) -> Int { page * pageSize + 16 + 128 }

    @Test(arguments: [0, 1], 0..<16)
    func `is found by a verification, whichever bit is flipped`(_ page: Int, _ bit: Int) throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        for number in 0..<20 { try environment.write { try $0.put("\(number)", "a", in: table) } }
        let pageSize = try environment.information().pageSize
        try environment.close()
        let file = scratch.store + "/data.mdb"
        #expect(try FileVerification.run(fileAt: file) { _, _, _ in }.problems == [])

        var bytes = try contents(of: file)
        bytes[Self.offset(page, pageSize: pageSize) + bit / 8] ^= 1 << UInt8(bit % 8)
        try write(bytes, to: file)
        // Opened by LMDB, the file would be as of an earlier commit, or a later one that never was.
        #expect(try FileVerification.run(fileAt: file) { _, _, _ in }.problems != [])
    }
}

@Suite struct `A meta page that is damaged` {
    let scratch = ScratchDirectory()

    /// Opens a file whose newest meta page has one bit flipped, reads, and checks it; all of that ends, if only with an error.
    @Test(arguments: Array(24..<28) + Array(136..<152))
    func `ends neither the process nor time`(_ offset: Int) throws {
        for bit in 0..<8 {
            let path = scratch.path + "/\(offset).\(bit)"
            let environment = try Environment.openForTest(path)
            let table = try environment.table
            for number in 0..<3 { try environment.write { try $0.put("\(number)", "a", in: table) } }
            let information = try environment.information()
            try environment.close()
            let file = path + "/data.mdb"
            var bytes = try contents(of: file)
            bytes[Int(information.lastTransactionID % 2) * information.pageSize + offset] ^= 1 << UInt8(bit)
            try write(bytes, to: file)

            let refusal = code {
                let environment = try Environment.open(at: path, options: .init(flushing: nil))
                defer { try? environment.close() }
                _ = try environment.information()
                _ = try FileVerification.run(environment) { _, _, _ in }
            }
            // A last page far beyond the end makes LMDB ask for a map that no machine has: ENOMEM.
            let expected: [LMDBError.Code?] = [nil, .corrupted, .invalid, .init(rawValue: 12)]
            #expect(expected.contains(refusal), "\(String(describing: refusal))")
        }
    }
}

@Suite struct `A list of free pages` {
    let scratch = ScratchDirectory()

    @Test func `of no commit is found by a verification`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        for number in 0..<20 { try environment.write { try $0.put("\(number)", "a", in: table) } }
        let information = try environment.information()
        try environment.close()
        let file = scratch.store + "/data.mdb"
        #expect(try FileVerification.run(fileAt: file) { _, _, _ in }.problems == [])

        // The root of the tree of free pages stands in the meta page; the tree is one leaf, whose first key is the number of a commit.
        var bytes = try contents(of: file)
        func integer(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        let meta = Int(information.lastTransactionID % 2) * information.pageSize
        let leaf = integer(meta + 80, 8) * information.pageSize
        let key = leaf + integer(leaf + 16, 2) + 8
        #expect(1...Int(information.lastTransactionID) ~= integer(key, 8))
        for offset in key..<key + 8 { bytes[offset] = 0 }
        try write(bytes, to: file)
        // LMDB would use the pages of such a list twice, and end the process when it notices.
        #expect(try FileVerification.run(fileAt: file) { _, _, _ in }.problems != [])
    }
}
