import Larder

/// Options of a command line: `--name value`, and what is left over.
struct Arguments {
    private var options: [String: String] = [:]
    private(set) var rest: [String] = []

    init(_ arguments: some Sequence<String>) {
        var name: String?
        for argument in arguments {
            if let known = name {
                options[known] = argument
                name = nil
            } else if argument.hasPrefix("--") {
                name = String(argument.dropFirst(2))
            } else {
                rest.append(argument)
            }
        }
    }

    func text(_ name: String) -> String? { options[name] }

    func number(_ name: String, default value: Int) -> Int { options[name].flatMap { Int($0) } ?? value }

    func list(_ name: String) -> [String] { (options[name] ?? "").split(separator: ",").map(String.init) }

    func durability() throws -> Durability {
        switch options["durability"] ?? "full" {
        case "full": .full
        case "relaxed": .relaxed
        case "rebuildable": .rebuildable(afterPowerCut: .startEmpty)
        case "rebuildable-verify": .rebuildable(afterPowerCut: .verify)
        case let name: throw Wrong("there is no durability '\(name)'")
        }
    }
}
