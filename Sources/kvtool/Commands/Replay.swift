import ArgumentParser
import Larder

/// `kvtool replay`: runs an access trace through a store.
struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run an access trace through a store.",
        discussion: """
            A trace is text, plain or gzip'd: one request a line, 'key' or 'key,size', numbers both; '-' is standard input. A read of a missing \
            key loads its value from a stand-in for a source and so fills both tiers; a share of the requests are writes, of which a key has \
            one at a time (a request that meets one under way reads). Every value carries its key and version, and every answer is checked. \
            Makes the store if there is none. Keys are the trace's numbers as text.

            With --journal each write is noted after the store has acknowledged it. 'kvtool verify --journal' then tells whether all of \
            them are there, also after the replay was killed.

            kvtool replay /tmp/store Fixtures/swift-build.trace.gz --tasks 64
            """)

    @OptionGroup var store: StoreArguments

    @Argument(help: "The trace's file, or - for standard input.", completion: .file())
    var trace: String

    @Option(help: ArgumentHelp("The cache.", valueName: "name"))
    var cache = CacheArguments.defaultName

    @Option(help: ArgumentHelp("Requests in flight.", valueName: "count"))
    var tasks = 64

    @Option(help: ArgumentHelp("The share of the requests that are writes, 0 to 1.", valueName: "share"))
    var writes = 0.1

    @Option(help: ArgumentHelp("The largest value; larger ones of the trace are cut.", valueName: "size"))
    var maxValueSize = ByteSize(bytes: 64 << 10)

    @Option(help: ArgumentHelp("The size of values for which the trace has none.", valueName: "size"))
    var valueSize = ByteSize(bytes: 256)

    @Option(help: ArgumentHelp("What the memory tier may hold.", valueName: "size"))
    var memory = ByteSize(bytes: 64 << 20)

    @Option(
        help: ArgumentHelp("Note each acknowledged write in this file, after those that are in it.", valueName: "file"),
        completion: .file())
    var journal: String?

    @OptionGroup var format: FormatArguments

    func validate() throws {
        try CacheArguments.validate(name: cache)
        guard 1...65_536 ~= tasks else { throw ValidationError("The number of tasks is not between 1 and 65536") }
        guard 0...1 ~= writes else { throw ValidationError("The share of writes is not between 0 and 1") }
        for size in [maxValueSize, valueSize] where size.bytes > 1 << 30 {
            throw ValidationError("A value's size is more than 1 GiB")
        }
    }

    func run() async throws {
        // First, so that a wrong name leaves no new store behind.
        let feed = try RequestFeed(path: trace)
        let journal = try journal.map { try Journal(appendingTo: $0) }
        let acknowledged = try self.journal.map { try Journal.entries(of: $0) } ?? []

        Signals.reportCrashesAsDamage()
        let store = try Store(
            at: store.store, options: StoreOptions(memoryCapacity: .bytes(memory.bytes), durability: .adopted))
        let replayer = Replayer(
            cache: try store.cache(cache, key: .string, value: .bytes), feed: feed,
            options: .init(
                tasks: tasks, writes: writes, maximumValueSize: maxValueSize.bytes, valueSize: valueSize.bytes),
            journal: journal, acknowledged: acknowledged)
        let report = try await replayer.run()
        try? store.close()

        var output = StandardOutput()
        if format.json {
            try output.write(report.json)
        } else {
            try output.write(report.text)
        }
        try output.flush()
        if report.wrong > 0 { throw Failure(.damagedData, Quantity.count(report.wrong, "wrong value")) }
    }
}
