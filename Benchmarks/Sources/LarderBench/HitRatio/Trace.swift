import Foundation

/// A recorded sequence of requests, replayed to see how often a cache of a given size would have had the answer.
struct Trace: Sendable {
    let name: String
    /// The requested keys in the order of time.
    let keys: [UInt64]
    /// The requested objects' sizes in bytes; empty if the trace has none.
    let sizes: [UInt32]
    let uniqueKeys: Int

    init(name: String, keys: [UInt64], sizes: [UInt32] = []) {
        self.name = name
        self.keys = keys
        self.sizes = sizes
        uniqueKeys = Set(keys).count
    }

    /// The sizes of the unique keys together; a key has one size in the whole trace.
    var uniqueBytes: Int {
        Dictionary(zip(keys, sizes)) { first, _ in first }.values.reduce(0) { $0 + Int($1) }
    }

    /// Reads a gzip'd trace file: lines of `key` or `key,size` with decimal keys; lines that begin with `#` are comments.
    init(path: String) throws {
        guard let gzip = Subprocess.find("gzip") else { throw BenchmarkFailure("gzip is missing") }
        let result = try Subprocess.run(gzip, ["-dc", path])
        guard result.status == 0 else { throw BenchmarkFailure("\(path): \(result.standardError)") }
        let name = URL(fileURLWithPath: path).lastPathComponent
        let (keys, sizes) = try Self.parse(result.standardOutput, path)
        self.init(name: String(name.dropLast(Self.suffix.count)), keys: keys, sizes: sizes)
    }

    private static let suffix = ".trace.gz"

    /// The trace files of a directory, sorted by name.
    static func files(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(suffix) }.sorted()
            .map { "\(directory)/\($0)" }
    }

    /// The keys of a trace's lines, and the sizes if every line has one.
    static func parse(_ text: String, _ path: String) throws -> (keys: [UInt64], sizes: [UInt32]) {
        var keys: [UInt64] = []
        var sizes: [UInt32] = []
        for (number, line) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
            var line = line
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let fields = line.split(separator: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
            keys.append(try number64(fields[0], path, line: number + 1))
            if fields.count > 1, sizes.count + 1 == keys.count {
                sizes.append(UInt32(clamping: try number64(fields[1], path, line: number + 1)))
            }
        }
        return (keys, sizes.count == keys.count ? sizes : [])
    }

    /// The number of a field of decimal digits.
    private static func number64(_ field: Substring.UTF8View, _ path: String, line: Int) throws -> UInt64 {
        var number: UInt64 = 0
        for byte in field {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else {
                throw BenchmarkFailure("\(path): line \(line) is not a number")
            }
            let (product, tooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, alsoTooLarge) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !tooLarge, !alsoTooLarge else { throw BenchmarkFailure("\(path): a number of more than 64 bits") }
            number = sum
        }
        guard !field.isEmpty else { throw BenchmarkFailure("\(path): line \(line) has no number") }
        return number
    }

    /// The shares of the unique keys, in thousandths, that are replayed as cache sizes.
    static let sharesPerThousand = [1, 10, 100, 250]

    /// The cache sizes to replay, in objects: shares of the unique keys, halves rounded to even, those under ten left out.
    var cacheSizes: [Int] {
        Self.sharesPerThousand.map { Self.share($0, of: uniqueKeys) }.filter { $0 >= 10 }
    }

    /// The cache sizes to replay where sizes count, in bytes: shares of the unique objects' bytes, rounded down.
    var cacheSizesInBytes: [Int] {
        let bytes = uniqueBytes
        return Self.sharesPerThousand.map { bytes * $0 / 1_000 }.filter { $0 > 0 }
    }

    /// `perThousand` thousandths of a count, in whole numbers so that halves are exact.
    static func share(_ perThousand: Int, of count: Int) -> Int {
        let (quotient, remainder) = (count * perThousand).quotientAndRemainder(dividingBy: 1_000)
        if remainder == 500 { return quotient + quotient % 2 }
        return remainder > 500 ? quotient + 1 : quotient
    }
}
