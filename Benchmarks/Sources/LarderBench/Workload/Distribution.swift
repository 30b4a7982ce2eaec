import Foundation

/// How a case draws the entries that it asks for.
enum Distribution: String, Codable, Sendable {
    /// Every entry is as likely as any other.
    case uniform = "u"

    /// Zipf with exponent 0.99, scrambled as in YCSB: a few entries are asked for very often, and they lie anywhere among the keys.
    case zipf = "z"

    /// Draws `count` indexes below `population`. The same seed gives the same draws.
    func draw(_ count: Int, below population: Int, seed: UInt64) -> [UInt32] {
        var generator = SplitMix64(seed: seed)
        var indexes: [UInt32] = []
        indexes.reserveCapacity(count)
        switch self {
        case .uniform:
            for _ in 0..<count {
                indexes.append(
                    UInt32(truncatingIfNeeded: generator.next().multipliedFullWidth(by: UInt64(population)).high))
            }
        case .zipf:
            let zipf = ScrambledZipf(population: population)
            for _ in 0..<count {
                indexes.append(zipf.draw(&generator))
            }
        }
        return indexes
    }

    /// All indexes below `population`, shuffled: uniform draws without a repetition, for gets that must each find their entry cold.
    static func permutation(of population: Int, seed: UInt64) -> [UInt32] {
        var generator = SplitMix64(seed: seed)
        var indexes = [UInt32](0..<UInt32(population))
        indexes.shuffle(using: &generator)
        return indexes
    }
}

/// Zipf draws as in YCSB: ranks by the method of Gray et al., "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994), scrambled by
/// the 64-bit FNV hash of the rank, modulo the population.
///
/// The scrambling lets ranks collide, as in YCSB: some entries collect several ranks, and others are never drawn.
struct ScrambledZipf {
    private static let exponent = 0.99
    private let population: Double
    private let modulus: UInt64
    private let zeta: Double
    private let alpha: Double
    private let eta: Double

    /// - Complexity: O(population).
    init(population count: Int) {
        population = Double(count)
        modulus = UInt64(count)
        var sum = 0.0
        for rank in 1...count {
            sum += pow(Double(rank), -Self.exponent)
        }
        zeta = sum
        alpha = 1 / (1 - Self.exponent)
        let zetaOfTwo = 1 + pow(2, -Self.exponent)
        eta = (1 - pow(2 / population, 1 - Self.exponent)) / (1 - zetaOfTwo / zeta)
    }

    /// The next rank, from 0, the most likely one.
    func drawRank(_ generator: inout SplitMix64) -> UInt64 {
        let unit = generator.nextUnit()
        let scaled = unit * zeta
        if scaled < 1 { return 0 }
        if scaled < 1 + pow(0.5, Self.exponent) { return 1 }
        return min(UInt64(population * pow(eta * unit - eta + 1, alpha)), modulus - 1)
    }

    /// The next index.
    func draw(_ generator: inout SplitMix64) -> UInt32 {
        UInt32(Self.fowlerNollVo(drawRank(&generator)) % modulus)
    }

    /// The FNV hash of a number's eight bytes as YCSB takes it: the absolute value of the signed result.
    static func fowlerNollVo(_ value: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var rest = value
        for _ in 0..<8 {
            hash = (hash ^ (rest & 0xFF)) &* 0x100_0000_01B3
            rest >>= 8
        }
        return Int64(bitPattern: hash).magnitude
    }
}
