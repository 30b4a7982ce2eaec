import ArgumentParser
import Larder

/// `kvtool verify`: checks every record of a store.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every record and every page of a store.",
        discussion: """
            Checks each record's checksum, which covers its key, header and value, each page of the file, and the index of deadlines. Names \
            everything that is damaged, goes on after it, and exits 65 at the end. 'kvtool scan --hash' finds the key of a hash that is \
            named, 'kvtool delete' removes its record.

            It checks the store as of one commit. A service may go on using it; its file may grow meanwhile, since no page is reused.

            With --journal it also checks that every write that 'kvtool replay --journal' noted is there, with the right value.
            """)

    @OptionGroup var store: StoreArguments

    @Option(help: ArgumentHelp("Only the records of this cache.", valueName: "name"))
    var cache: String?

    @Flag(help: "Show the keys of damaged records, as hexadecimal digits.")
    var hex = false

    @Option(
        help: ArgumentHelp("Check the writes in this journal of a replay into the cache.", valueName: "file"),
        completion: .file())
    var journal: String?

    @OptionGroup var format: FormatArguments

    func validate() throws {
        try cache.map(CacheArguments.validate(name:))
    }

    func run() throws {
        let comparison = try journal.map { try JournalComparison(journal: $0) }
        let journalCache = cache ?? CacheArguments.defaultName
        Signals.reportCrashesAsDamage()
        let progress = ProgressLine()
        var read = 0
        let verification = try StoreVerification.run(at: store.store) { cache, key, payload in
            if let comparison, cache == journalCache { comparison.visit(key: key, payload: payload) }
            read += 1
            if read % 256 == 0 { progress.update { Quantity.count(read, "record") + " read" } }
        }
        progress.clear()
        let report = VerificationReport(verification, cache: cache, journal: comparison?.result)
        if let cache, report.caches.isEmpty, verification.problems.isEmpty {
            throw Failure(.noSuchStore, "there is no cache '\(cache)'")
        }
        var output = StandardOutput()
        do {
            if format.json {
                try output.write(report.json(store: store.store))
            } else {
                try output.write(report.text(showsKeys: hex))
            }
            try output.flush()
        } catch is ClosedPipe {
            // The exit code still says what was found.
        }
        if let findings = report.findings { throw Failure(.damagedData, findings) }
    }
}
