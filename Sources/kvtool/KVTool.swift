import ArgumentParser

/// `kvtool`: looks into a Larder store and changes it, beside a running service.
@main
struct KVTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kvtool",
        abstract: "Look into a Larder store and change it, beside a running service.",
        discussion: """
            A store is a directory. Data goes to standard output, everything else to standard error.

            Exit codes: 0 done, 1 key not found, 64 usage, 65 damaged data, 66 no such store or cache, 70 internal error, \
            74 input or output failed, 75 busy.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(name: "Entries", subcommands: [Get.self, SetValue.self, Delete.self, Scan.self]),
            CommandGroup(name: "The whole store", subcommands: [Stat.self, Verify.self, Replay.self]),
        ])

    static func main() async {
        Signals.ignoreBrokenPipes()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            guard let failure = Failure(error) else { exit(withError: error) }
            failure.exit()
        }
    }
}
