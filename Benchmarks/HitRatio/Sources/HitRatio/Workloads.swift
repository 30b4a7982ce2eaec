#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, fast, and the same on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number in 0..<1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// Ranks 0..<count drawn with probability proportional to `1 / (rank + 1)^exponent`.
struct ZipfDistribution {
    private let cumulative: [Double]

    init(count: Int, exponent: Double) {
        var sum = 0.0
        cumulative = (1...count).map { rank in
            sum += pow(Double(rank), -exponent)
            return sum
        }
    }

    /// Draws a rank by inversion. O(log count).
    func draw(_ random: inout SplitMix64) -> Int {
        let target = random.unit() * cumulative[cumulative.count - 1]
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] < target { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Generated workloads on which an eviction policy that learns slowly, or trusts frequency too much, falls behind LRU.
enum Workload: String, CaseIterable {
    /// Half the requests are new keys; the others repeat the request 2,700 to 8,100 places back.
    case recency
    /// The same with distances of 4,000 to 4,500.
    case sharpRecency
    /// Half the requests repeat one of the last 900 requests, and nothing is used for long.
    case shortRecency
    /// Zipf 0.9 over 40,000 ranks; the key of each rank moves by one place every 20 requests.
    case driftingZipf
    /// Zipf 0.8 over 50,000 ranks; every 50,000 requests the ranks are dealt to other keys.
    case reshuffledZipf
    /// Uniform over a set of 4,000 keys that loses its oldest key every 10 requests.
    case movingSet
    /// Requests name a place in the LRU stack, drawn from a heavy-tailed distribution.
    case stackDistance
    /// Zipf 0.9 over 50,000 keys that never change.
    case zipf
    /// Zipf 0.9 interrupted by scans of 5,000 keys that are never used again.
    case zipfWithScans
    /// Loops over 4,000 new keys, three rounds each.
    case shortCycles
    /// Loops over 8,000 new keys, two rounds each.
    case twiceCycles
    /// Loops over 1,000 to 12,000 new keys, 2 to 12 rounds each.
    case mixedCycles
    /// One loop over 10,000 keys.
    case loop
    /// A file is written, then read once at a distance, in bursts: cycles over two alternating halves.
    case sawtooth
    /// Recency, then a loop, then recency.
    case phases

    func trace(seed: UInt64, requests: Int = 400_000) -> Trace {
        var random = SplitMix64(seed: seed)
        var keys: [UInt64] = []
        keys.reserveCapacity(requests)
        var fresh: UInt64 = 1 << 40
        func newKey() -> UInt64 {
            fresh += 1
            return fresh
        }
        func echo(_ range: ClosedRange<Int>, count: Int) {
            let start = keys.count
            for _ in 0..<count {
                let distance = Int.random(in: range, using: &random)
                if random.unit() < 0.5 || keys.count - start < distance {
                    keys.append(newKey())
                } else {
                    keys.append(keys[keys.count - distance])
                }
            }
        }
        func cycles(_ lengths: ClosedRange<Int>, rounds: ClosedRange<Int>) {
            while keys.count < requests {
                let length = Int.random(in: lengths, using: &random)
                let first = fresh + 1
                fresh += UInt64(length)
                for _ in 0..<Int.random(in: rounds, using: &random) {
                    for key in first..<first + UInt64(length) { keys.append(key) }
                }
            }
        }
        switch self {
        case .recency: echo(2_700...8_100, count: requests)
        case .sharpRecency: echo(4_000...4_500, count: requests)
        case .shortRecency: echo(1...900, count: requests)
        case .driftingZipf:
            let zipf = ZipfDistribution(count: 40_000, exponent: 0.9)
            for time in 0..<requests { keys.append(UInt64(zipf.draw(&random)) &+ UInt64(time / 20)) }
        case .reshuffledZipf:
            let zipf = ZipfDistribution(count: 50_000, exponent: 0.8)
            var deal = Array(UInt64(0)..<50_000)
            for time in 0..<requests {
                if time % 50_000 == 0 { deal.shuffle(using: &random) }
                keys.append(deal[zipf.draw(&random)])
            }
        case .movingSet:
            for time in 0..<requests {
                keys.append(UInt64(time / 10 + Int.random(in: 0..<4_000, using: &random)))
            }
        case .stackDistance:
            var stack: [UInt64] = []
            for _ in 0..<requests {
                let distance = Int(20 * (pow(random.unit(), -1 / 0.6) - 1))
                let key = distance < stack.count ? stack.remove(at: stack.count - 1 - distance) : newKey()
                stack.append(key)
                if stack.count > 20_000 { stack.removeFirst(5_000) }
                keys.append(key)
            }
        case .zipf:
            let zipf = ZipfDistribution(count: 50_000, exponent: 0.9)
            for _ in 0..<requests { keys.append(UInt64(zipf.draw(&random))) }
        case .zipfWithScans:
            let zipf = ZipfDistribution(count: 50_000, exponent: 0.9)
            while keys.count < requests {
                for _ in 0..<20_000 { keys.append(UInt64(zipf.draw(&random))) }
                for _ in 0..<5_000 { keys.append(newKey()) }
            }
        case .shortCycles: cycles(4_000...4_000, rounds: 3...3)
        case .twiceCycles: cycles(8_000...8_000, rounds: 2...2)
        case .mixedCycles: cycles(1_000...12_000, rounds: 2...12)
        case .loop:
            for time in 0..<requests { keys.append(UInt64(time % 10_000)) }
        case .sawtooth:
            while keys.count < requests {
                let length = Int.random(in: 2_000...6_000, using: &random)
                let first = fresh + 1
                fresh += UInt64(length)
                for key in first..<first + UInt64(length) { keys.append(key) }
                for key in (first..<first + UInt64(length)).reversed() { keys.append(key) }
            }
        case .phases:
            echo(1_000...6_000, count: requests / 3)
            for time in 0..<requests / 3 { keys.append(UInt64(time % 6_000)) }
            echo(1_000...6_000, count: requests / 3)
        }
        var trace = Trace(name: rawValue)
        trace.hashes = keys.prefix(requests).map { Trace.hash($0, seed: 0) }
        trace.measure()
        return trace
    }
}
