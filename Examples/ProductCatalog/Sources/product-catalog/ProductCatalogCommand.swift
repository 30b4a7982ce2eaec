internal import ArgumentParser
internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import ProductCatalog

/// Serves a catalog of products over HTTP until it is interrupted or terminated.
@main struct ProductCatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "product-catalog", abstract: "Serves a catalog of products over HTTP, through a cache.")

    @Option(help: "The directory of database and cache; made if it is not there.")
    var data = "data"

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any that is free.")
    var port = 8080

    @Option(help: ArgumentHelp("Hold up the first request that reaches this step, for the tests.", visibility: .hidden))
    var hold: Step?

    @Option(help: ArgumentHelp("Wait so many milliseconds at every step, for the tests.", visibility: .hidden))
    var pause = 0

    func run() async throws {
        let steps = StepObserver(holdingAt: hold, pausing: .milliseconds(pause)) { Self.say("reached \($0.rawValue)") }
        let catalog = try Catalog(at: data, steps: steps)
        defer { try? catalog.close() }
        let application = Application(
            router: catalog.makeRouter(),
            configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { channel in Self.say("listening on port \(channel.localAddress?.port ?? 0)") })
        try await application.runService()
    }

    /// Says a line to whoever has started the process, at once.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}

extension Step: ExpressibleByArgument {}
