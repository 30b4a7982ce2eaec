import ArgumentParser

/// A number of bytes as an option's value: `65536`, `64K`, `64KiB`; suffixes count in powers of 1,024.
struct ByteSize: ExpressibleByArgument, Hashable, Sendable {
    /// The number.
    var bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let number = argument.prefix { $0.isASCII && $0.isNumber }
        let shift: Int
        switch argument.dropFirst(number.count).lowercased() {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        default: return nil
        }
        guard let count = Int(number), count <= Int.max >> shift else { return nil }
        bytes = count << shift
    }

    /// Shown in the help as the default.
    var defaultValueDescription: String {
        Quantity.bytes(bytes)
    }
}
