import DurabilityKit
import Glibc

// The program that the durability suite of `scripts/durability` records, kills, faults and checks images with. Its commands are listed in
// Tests/Recorder/README.md.

let words = Array(CommandLine.arguments.dropFirst())
do {
    let arguments = Arguments(words.dropFirst())
    switch words.first {
    case "run": try await Run(arguments).perform()
    case "check":
        var check = try ImageCheck(arguments)
        check.run()
    case "watch": try await Watcher(arguments).run()
    case "mark":
        guard arguments.rest.count == 2 else { throw Wrong("usage: mark MARKS FILE") }
        try Marks(path: arguments.rest[0]).write(Marks.read(arguments.rest[1]).joined(separator: "\n"))
    case "readers": try ReaderTable.list(arguments.rest.first ?? "")
    case "fault-run":
        var run = try FaultRun(arguments)
        try await run.run()
    case "fill-disk": try await FullDisk(arguments).run()
    case "damage": try DamageCheck(arguments).run()
    default:
        say("usage: PowerCutWorker run|check|mark|watch|readers|fault-run|fill-disk|damage …")
        exit(64)
    }
} catch {
    say("failed: \(error)")
    exit(70)
}
