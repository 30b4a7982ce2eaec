import ArgumentParser

/// A length of time as an option's value: `90`, `90s`, `15m`, `12h`, `30d`, `250ms`; seconds unless it says otherwise.
struct TimeSpan: ExpressibleByArgument, Hashable, Sendable {
    /// The length of time; positive.
    var duration: Duration

    init?(argument: String) {
        let number = argument.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(number), count > 0, count <= 1 << 40 else { return nil }
        switch argument.dropFirst(number.count) {
        case "ms": duration = .milliseconds(count)
        case "", "s": duration = .seconds(count)
        case "m": duration = .seconds(count * 60)
        case "h": duration = .seconds(count * 3_600)
        case "d": duration = .seconds(count * 86_400)
        default: return nil
        }
    }
}
