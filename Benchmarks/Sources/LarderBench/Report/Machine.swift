import CRawLMDB
import Foundation

/// What the figures were measured on.
enum Machine {
    /// One line: processor, memory, kernel, and the versions of the peers.
    static func description() -> String {
        var parts: [String] = []
        let model = value(of: "model name", in: "/proc/cpuinfo") ?? "unknown processor"
        parts.append("\(ProcessInfo.processInfo.activeProcessorCount) × \(model)")
        parts.append("\(ProcessInfo.processInfo.physicalMemory >> 30) GiB")
        parts.append(ProcessInfo.processInfo.operatingSystemVersionString)
        parts.append(unsafe String(cString: raw_lmdb_version()))
        parts += packages()
        return parts.joined(separator: "; ") + "; measured " + today() + "."
    }

    /// Today as `yyyy-mm-dd`.
    static func today() -> String {
        Date().formatted(.iso8601.year().month().day())
    }

    private static func value(of field: String, in path: String) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix(field) }?
            .split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
    }

    /// The peers' Debian packages, where there is a dpkg to ask.
    private static func packages() -> [String] {
        guard let query = Subprocess.find("dpkg-query") else { return [] }
        let names = ["librocksdb-dev", "libsqlite3-0", "libcaffeine-java"]
        let result = try? Subprocess.run(query, ["--show", "--showformat=${Package} ${Version}\n"] + names)
        return (result?.standardOutput ?? "").split(separator: "\n").map(String.init)
    }
}
