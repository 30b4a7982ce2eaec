import Foundation

/// A recorded sequence of requests, replayed to see how often a cache of a given size would have had the answer.
struct Trace: Sendable {
    let name: String
    /// The requested keys in the order of time.
    let keys: [UInt64]
    let uniqueKeys: Int

    init(name: String, keys: [UInt64]) {
        self.name = name
        self.keys = keys
        uniqueKeys = Set(keys).count
    }

    /// Reads a gzip'd trace file: lines of `key` or `key,size` with decimal keys; lines that begin with `#` are comments.
    init(path: String) throws {
        guard let gzip = Subprocess.find("gzip") else { throw BenchmarkFailure("gzip is missing") }
        let result = try Subprocess.run(gzip, ["-dc", path])
        guard result.status == 0 else { throw BenchmarkFailure("\(path): \(result.standardError)") }
        let name = URL(fileURLWithPath: path).lastPathComponent
        self.init(name: String(name.dropLast(Self.suffix.count)), keys: try Self.parse(result.standardOutput, path))
    }

    private static let suffix = ".trace.gz"

    /// The trace files of a directory, sorted by name.
    static func files(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(suffix) }.sorted()
            .map { "\(directory)/\($0)" }
    }

    static func parse(_ text: String, _ path: String) throws -> [UInt64] {
        var keys: [UInt64] = []
        var key: UInt64 = 0
        var digits = 0
        /// True from the first byte that is no part of a key to the end of the line.
        var ignoring = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"):
                if digits > 0 { keys.append(key) }
                (key, digits, ignoring) = (0, 0, false)
            case _ where ignoring: continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, tooLarge) = key.multipliedReportingOverflow(by: 10)
                let (sum, alsoTooLarge) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
                guard !tooLarge, !alsoTooLarge else { throw BenchmarkFailure("\(path): a key of more than 64 bits") }
                key = sum
                digits += 1
            case UInt8(ascii: ","), UInt8(ascii: "\r"): ignoring = true
            case UInt8(ascii: "#") where digits == 0: ignoring = true
            default: throw BenchmarkFailure("\(path): request \(keys.count + 1) is not a number")
            }
        }
        if digits > 0 { keys.append(key) }
        return keys
    }

    /// The cache sizes to replay, in objects: shares of the unique keys, halves rounded to even, those under ten left out.
    var cacheSizes: [Int] {
        [1, 10, 100, 250].map { Self.share($0, of: uniqueKeys) }.filter { $0 >= 10 }
    }

    /// `perThousand` thousandths of a count, in whole numbers so that halves are exact.
    static func share(_ perThousand: Int, of count: Int) -> Int {
        let (quotient, remainder) = (count * perThousand).quotientAndRemainder(dividingBy: 1_000)
        if remainder == 500 { return quotient + quotient % 2 }
        return remainder > 500 ? quotient + 1 : quotient
    }
}
