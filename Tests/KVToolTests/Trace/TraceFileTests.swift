import Testing

@testable import kvtool

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite("Trace files")
struct TraceFileTests {
    @Test("The recorded trace of a build is what its header says")
    func recordedTrace() throws {
        let outcome = TraceOutcome(readingFile: Self.fixture)
        #expect(outcome.error == nil)
        #expect(outcome.header.name == "swift-build")
        #expect(outcome.header.requests == outcome.requests.count)
        #expect(outcome.requests.count >= 50_000)
        #expect(outcome.header.hasSizes == true)
        var sizes: [UInt64: Set<Int?>] = [:]
        for request in outcome.requests {
            sizes[request.key, default: []].insert(request.size)
        }
        #expect(sizes.values.allSatisfy { $0.count == 1 }, "an entry has one size")
        #expect(sizes.values.allSatisfy { $0.allSatisfy { $0 ?? 0 > 0 } }, "what was read was not empty")
        #expect(outcome.header.uniqueKeys == sizes.count)
    }

    @Test(
        "The shared traces are what their headers say",
        .enabled(if: !sharedTraces.isEmpty, "there is no shared/traces folder beside the repository"),
        arguments: sharedTraces)
    func sharedTrace(name: String) throws {
        var reader = try TraceReader(FileByteSource(path: Self.sharedFolder + "/" + name))
        let announced = try #require(reader.header.requests)
        #expect(reader.header.name.map { $0 + ".trace.gz" } == name)
        // The long ones only in their beginning: the reader is the same, and the suite stays quick.
        let limit = min(announced, 200_000)
        var count = 0
        var keys: Set<UInt64> = []
        var isSized = true
        while count < limit, let request = try reader.next() {
            count += 1
            keys.insert(request.key)
            isSized = isSized && request.size != nil
        }
        #expect(count == limit)
        #expect(isSized == reader.header.hasSizes)
        if limit == announced {
            #expect(try reader.next() == nil)
            #expect(keys.count == reader.header.uniqueKeys)
        }
    }

    @Test("A file that is not there cannot be opened")
    func missingFile() {
        let outcome = TraceOutcome(readingFile: Self.fixture + ".missing")
        #expect(outcome.error == TraceError(.cannotOpen, systemError: ENOENT))
    }

    @Test("A folder cannot be read")
    func folder() {
        let outcome = TraceOutcome(readingFile: Self.root)
        #expect(outcome.error == TraceError(.cannotRead, line: 1, systemError: EISDIR))
    }

    @Test("A dash is standard input")
    func standardInput() async {
        // Standard input belongs to the whole process, so that a process of its own is needed to replace it.
        await #expect(processExitsWith: .success) {
            let descriptor = unsafe open(Self.fixture, O_RDONLY)
            #expect(dup2(descriptor, STDIN_FILENO) == STDIN_FILENO)
            let outcome = TraceOutcome(readingFile: "-")
            #expect(outcome.error == nil)
            #expect(outcome.requests.count == outcome.header.requests)
            #expect(fcntl(STDIN_FILENO, F_GETFD) >= 0, "standard input stays open")
        }
    }

    @Test("A file is closed when the reader goes")
    func closedFile() throws {
        // A file of its own, which no other test has open.
        var template = Array("/tmp/larder-trace-XXXXXX".utf8CString)
        let descriptor = unsafe mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unsafe unlink(path) }
        let bytes = Array("1\nnonsense\n".utf8)
        #expect(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
        #expect(Self.isOpen(path))
        close(descriptor)

        let outcome = TraceOutcome(readingFile: path)
        #expect(outcome.requests == [TraceRequest(key: 1, size: nil)])
        #expect(outcome.error?.code == .invalidKey)
        #expect(!Self.isOpen(path))
    }

    /// Whether any descriptor of this process stands for the file.
    private static func isOpen(_ path: String) -> Bool {
        var file = stat()
        guard unsafe stat(path, &file) == 0 else { return false }
        return (0..<CInt(4096)).contains { descriptor in
            var other = stat()
            return unsafe fstat(descriptor, &other) == 0 && other.st_dev == file.st_dev && other.st_ino == file.st_ino
        }
    }
}

extension TraceFileTests {
    /// The root of the repository: the folder four levels above this file.
    static var root: String {
        var components = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        components.removeLast(4)
        return components.joined(separator: "/")
    }

    static var fixture: String { root + "/Fixtures/swift-build.trace.gz" }

    static var sharedFolder: String { root + "/../shared/traces" }

    static let sharedTraces: [String] = {
        guard let folder = unsafe opendir(sharedFolder) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.hasSuffix(".trace.gz") {
                names.append(name)
            }
        }
        return names.sorted()
    }()
}

private var sharedTraces: [String] { TraceFileTests.sharedTraces }
