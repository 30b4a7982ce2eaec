import DurabilityKit

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The program that the durability tests start as a child process and kill. By hand it checks histories for as long as one likes:
// `DurabilityWorker check --seconds 600`; or kills for as long: `DurabilityWorker kill --rounds 10000`,
// and `DurabilityWorker source --rounds 1000` for writes through a cache.

/// Says what a person can ask for, and ends the process.
func usage() -> Never {
    say("usage: DurabilityWorker check [--seconds N] [--processes N] [--kills N] [--memory KIB] [--seed N]")
    say("       DurabilityWorker kill [--rounds N] [--processes N] [--seed N]")
    say("       DurabilityWorker source [--rounds N] [--seed N]")
    say(
        "       DurabilityWorker soak [--seconds N] [--rounds N] [--processes N] [--epoch ROUNDS] [--recorder LIBRARY] [--seed N]"
    )
    exit(64)
}

let arguments = Array(CommandLine.arguments.dropFirst())
do {
    switch arguments.first {
    case "history":
        guard let assignment = HistoryAssignment(Array(arguments.dropFirst())) else { usage() }
        try await assignment.run { say("ready") }
    case "crash":
        guard let workload = CrashWorkload(Array(arguments.dropFirst())) else { usage() }
        try await workload.run { say("ready") }
    case "peer":
        guard arguments.count == 2 else { usage() }
        try Peer(path: arguments[1]).run()
    case "readers":
        guard arguments.count == 2 else { usage() }
        try ReaderTable.list(arguments[1])
    case "hide":
        guard arguments.count == 3, let count = UInt64(arguments[2]), count < 3 else { usage() }
        say(try PublishedTransaction.hide(count, in: arguments[1]) ? "done" : "other layout")
    case "die-unpublished":
        guard arguments.count == 2 else { usage() }
        try PublishedTransaction.die(in: arguments[1])
    case "check":
        guard let command = CheckCommand(Array(arguments.dropFirst())) else { usage() }
        exit(try await command.run() ? 0 : 1)
    case "kill":
        guard let command = KillCommand(Array(arguments.dropFirst())) else { usage() }
        exit(try await command.run() ? 0 : 1)
    case "source":
        guard let command = SourceCommand(Array(arguments.dropFirst())) else { usage() }
        exit(try await command.run() ? 0 : 1)
    case "source-ask":
        guard arguments.count == 5, let tasks = Int(arguments[3]), let keys = Int(arguments[4]) else { usage() }
        try await SourceWorker.ask(store: arguments[1], database: arguments[2], tasks: tasks, keys: keys) { say($0) }
    case "source-write":
        guard arguments.count == 6, let key = Int(arguments[3]) else { usage() }
        try await SourceWorker.write(
            store: arguments[1], database: arguments[2], key: key, value: Int(arguments[4]), until: arguments[5]
        ) { say($0) }
    case "soak":
        guard let command = SoakCommand(Array(arguments.dropFirst())) else { usage() }
        exit(try await command.run() ? 0 : 1)
    default: usage()
    }
} catch {
    say("failed: \(error)")
    exit(70)
}
