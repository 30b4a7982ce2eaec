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
    default:
        say("usage: PowerCutWorker run|check …")
        exit(64)
    }
} catch {
    say("failed: \(error)")
    exit(70)
}
