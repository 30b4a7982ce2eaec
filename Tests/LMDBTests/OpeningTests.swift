import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct `Opening an environment` {
    let scratch = ScratchDirectory()

    @Test func `makes missing directories with mode 0700 and files with mode 0600`() throws {
        let path = scratch.path + "/a/b"
        let environment = try Environment.openForTest(path)
        let table = try environment.table
        try environment.write { try $0.put("v", "k", in: table) }
        #expect(try permissions(of: scratch.path + "/a") == 0o700)
        #expect(try permissions(of: path) == 0o700)
        #expect(try names(in: path) == ["data.mdb", "lock.mdb", "writer.lock"])
        for name in try names(in: path) { #expect(try permissions(of: path + "/" + name) == 0o600, "\(name)") }
    }

    @Test func `without an initializer fails where nothing is, and makes nothing`() throws {
        #expect(code { _ = try Environment.open(at: scratch.store) } == .noSuchFile)
        #expect(!exists(scratch.store))
        #expect(code { _ = try Environment.open(at: scratch.path) } == .noSuchFile)
        #expect(try names(in: scratch.path) == [])
    }

    @Test func `runs the initializer for a new file only`() throws {
        let environment = try Environment.openForTest(scratch.store)
        try environment.close()
        let again = try Environment.open(at: scratch.store) { _ in Issue.record("the file was there") }
        #expect(try again.openTable("t") != nil)
    }

    @Test func `leaves no file if the initializer throws, and makes it the next time`() throws {
        struct Refusal: Error {}
        #expect(throws: Refusal.self) {
            _ = try Environment.open(at: scratch.store) { transaction in
                _ = try transaction.createTable("t")
                throw Refusal()
            }
        }
        #expect(!exists(scratch.store + "/data.mdb"))
        #expect(try !names(in: scratch.store).contains { $0.hasPrefix("creating.") })
        let environment = try Environment.open(at: scratch.store) { _ = try $0.createTable("other") }
        #expect(try environment.openTable("t") == nil)
        #expect(try environment.openTable("other") != nil)
    }

    @Test func `removes what a creator that was killed has left`() async throws {
        let path = scratch.store
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            _ = try Environment.open(at: path) { transaction in
                _ = try transaction.createTable("half")
                killSelf()
            }
        }
        #expect(try names(in: path).contains { $0.hasPrefix("creating.") })
        #expect(!exists(path + "/data.mdb"))

        let environment = try Environment.openForTest(path)
        #expect(try names(in: path) == ["data.mdb", "lock.mdb", "writer.lock"])
        #expect(try environment.openTable("half") == nil)
    }

    @Test func `removes what a creator has left that was killed when its file had its name`() throws {
        try Environment.openForTest(scratch.store).close()
        let left = scratch.store + "/creating.abcdef"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: false)
        try FileManager.default.linkItem(atPath: scratch.store + "/data.mdb", toPath: left + "/data.mdb")
        let environment = try Environment.openForTest(scratch.store)
        #expect(try names(in: scratch.store) == ["data.mdb", "lock.mdb", "writer.lock"])
        #expect(try environment.openTable("t") != nil)
    }

    @Test func `by many threads at once succeeds for one and is refused to the others`() async throws {
        let path = scratch.store
        let opened = try await withThrowingTaskGroup(of: Environment?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await inThread {
                        do {
                            return try Environment.openForTest(path)
                        } catch let error as LMDBError where error.code == .alreadyOpen {
                            return nil
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { if let environment = $1 { $0.append(environment) } }
        }
        #expect(opened.count == 1)
    }

    @Test func `by several processes at once gives all of them the one file`() async throws {
        let path = scratch.store
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<4 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = path as String, index = index as Int] in
                        let environment = try Environment.open(at: path) { transaction in
                            let table = try transaction.createTable("t")
                            try transaction.put("\(index)", "creator", in: table)
                        }
                        let table = try environment.table
                        try environment.write { try $0.put("", "opener \(index)", in: table) }
                        let creator = try environment.read { try $0.string("creator", in: table) }
                        try write((creator ?? "none").bytes, to: path + ".\(index)")
                    }
                }
            }
        }
        let creators = try (0..<4).map { String(decoding: try contents(of: path + ".\($0)"), as: UTF8.self) }
        #expect(Set(creators).count == 1, "\(creators)")
        let environment = try Environment.openForTest(path)
        let table = try environment.table
        let entries = try environment.read { try $0.entries(in: table) }
        #expect(entries.count == 5)
        #expect(try names(in: path) == ["data.mdb", "lock.mdb", "writer.lock"])
    }
}

@Suite struct `Opening an environment twice in a process` {
    let scratch = ScratchDirectory()

    @Test func `is refused, whatever path leads to the file`() throws {
        let environment = try Environment.openForTest(scratch.store)
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/link", withDestinationPath: scratch.store)
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/other", withIntermediateDirectories: false)
        try FileManager.default.linkItem(
            atPath: scratch.store + "/data.mdb", toPath: scratch.path + "/other/data.mdb")

        let paths = [
            scratch.store, scratch.store + "/",
            scratch.path + "/../" + scratch.path.split(separator: "/").last! + "/store",
            scratch.path + "/link", scratch.path + "/other",
        ]
        for path in paths {
            #expect(code { _ = try Environment.openForTest(path) } == .alreadyOpen, "\(path)")
            #expect(code { _ = try Environment.open(at: path) } == .alreadyOpen, "\(path)")
        }
        try environment.close()
        #expect(try Environment.openForTest(scratch.path + "/link").openTable("t") != nil)
    }

    @Test func `leaves the locks of the first in place`() async throws {
        let path = scratch.store
        let environment = try Environment.openForTest(path)
        let table = try environment.table
        async let other: Void = {
            await #expect(processExitsWith: .success) { [path = path as String] in
                let environment = try Environment.openForTest(path)
                let table = try environment.table
                let seen = try environment.write { transaction in
                    try transaction.put("", "second", in: table)
                    return try transaction.string("first", in: table)
                }
                #expect(seen == "written")
            }
        }()
        try await inThread {
            try environment.write { transaction in
                #expect(code { _ = try Environment.openForTest(path) } == .alreadyOpen)
                // Time for the other process to come to its own write; one that got past the lock would not see this.
                pause(milliseconds: 300)
                try transaction.put("written", "first", in: table)
            }
        }
        _ = await other
        #expect(try environment.read { try $0.string("second", in: table) } == "")
    }
}

@Suite struct `Opening what is not an environment` {
    let scratch = ScratchDirectory()

    private func prepare(_ bytes: [UInt8]) throws {
        try FileManager.default.createDirectory(atPath: scratch.store, withIntermediateDirectories: true)
        try write(bytes, to: scratch.store + "/data.mdb")
    }

    @Test func `refuses garbage and leaves it as it is`() throws {
        var generator = SystemRandomNumberGenerator()
        let garbage = (0..<65_536).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try prepare(garbage)
        #expect(code { _ = try Environment.openForTest(scratch.store) } == .invalid)
        #expect(try contents(of: scratch.store + "/data.mdb") == garbage)
    }

    @Test func `refuses an empty file and leaves it empty`() throws {
        try prepare([])
        #expect(code { _ = try Environment.openForTest(scratch.store) } == .invalid)
        #expect(code { _ = try Environment.open(at: scratch.store) } == .invalid)
        #expect(try contents(of: scratch.store + "/data.mdb") == [])
    }

    @Test(arguments: [1, 100, 4_095, 4_096, 8_191])
    func `refuses a file that is cut off within its meta pages`(length: Int) throws {
        let environment = try Environment.openForTest(scratch.store)
        try environment.close()
        let whole = try contents(of: scratch.store + "/data.mdb")
        try prepare(Array(whole.prefix(length)))
        // What is too short to say what it is is no environment; what says so and is cut is a damaged one.
        let expected: LMDBError.Code = length < 4_095 ? .invalid : .corrupted
        #expect(code { _ = try Environment.openForTest(scratch.store) } == expected)
    }

    @Test func `refuses another version of LMDB's format`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let pageSize = try environment.information().pageSize
        try environment.close()
        var bytes = try contents(of: scratch.store + "/data.mdb")
        // The version follows the page's header and the magic number, in each of the two meta pages.
        for page in [0, pageSize] { bytes[page + 16 + 4] = 99 }
        try prepare(bytes)
        #expect(code { _ = try Environment.openForTest(scratch.store) } == .versionMismatch)
    }

    @Test func `refuses a directory in the file's place`() throws {
        try FileManager.default.createDirectory(
            atPath: scratch.store + "/data.mdb", withIntermediateDirectories: true)
        let refusal = code { _ = try Environment.openForTest(scratch.store) }
        #expect(refusal?.rawValue == EISDIR)
    }

    @Test func `refuses a path below a file`() throws {
        try write([], to: scratch.path + "/file")
        let refusal = code { _ = try Environment.openForTest(scratch.path + "/file/store") }
        #expect(refusal?.rawValue == ENOTDIR)
    }

    @Test func `can be followed by opening a good one in its place`() throws {
        try prepare([1, 2, 3])
        #expect(code { _ = try Environment.openForTest(scratch.store) } == .invalid)
        try FileManager.default.removeItem(atPath: scratch.store + "/data.mdb")
        let environment = try Environment.openForTest(scratch.store)
        #expect(try environment.openTable("t") != nil)
    }
}

@Suite struct `Opening where nothing can be written` {
    let scratch = ScratchDirectory()

    @Test(.enabled(if: exists("/proc/self"), "there is no /proc"))
    func `reports the system's error in a directory that takes no files`() {
        let refusal = code { _ = try Environment.openForTest("/proc/self") }
        #expect(refusal?.rawValue == ENOENT || refusal?.rawValue == EACCES)
    }

    @Test(.enabled(if: canMount, "mounting a file system needs root"))
    func `reports a read-only file system, for a new file and for one that is there`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            #expect(mountPrivately(at: path, bytes: 1 << 24))
            try Environment.openForTest(path + "/store").close()
            #expect(remountReadOnly(path))
            let onOld = code { _ = try Environment.openForTest(path + "/store") }
            let onNew = code { _ = try Environment.openForTest(path + "/new") }
            #expect(onOld?.rawValue == EROFS)
            #expect(onNew?.rawValue == EROFS)
        }
    }
}
