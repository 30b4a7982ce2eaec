import ArgumentParser

/// The benchmarks' one program. `make bench` and its kin call it; it starts itself again for every measurement.
@main
struct LarderBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "larder-bench", abstract: "Measures Larder and its peers on the same work.",
        subcommands: [
            RunCommand.self, SelfTestCommand.self, TableCommand.self, CountersCommand.self, HitRatioCommand.self,
            WarmRestartCommand.self, MemoryBoundCommand.self, SourceHitCommand.self,
            MeasureCommand.self, SpinCommand.self,
        ],
        defaultSubcommand: RunCommand.self)
}

extension Case: ExpressibleByArgument {}
extension Peer: ExpressibleByArgument {}
extension Distribution: ExpressibleByArgument {}
extension MeasurementTask: ExpressibleByArgument {}
extension Policy: ExpressibleByArgument {}
