import Larder

/// What a transaction of a model run does, decided beforehand, since its body may run more than once.
struct TransactionPlan: Sendable, CustomStringConvertible {
    /// One operation, on the cache of this number.
    enum Change: Sendable {
        case set(Int, Int, Int, Expiration, deadline: UInt64)
        case remove(Int, Int)
        case removeRange(Int, Range<Int>)
        case removeAll(Int)
        case get(Int, Int)
        case count(Int)
        case scan(Int)
    }

    var changes: [Change]
    var throwsAtEnd: Bool

    var description: String {
        "\(changes)" + (throwsAtEnd ? " and throw" : "")
    }

    /// Does it; returns what it saw on the way.
    func perform(on caches: [any OpenedCache], in transaction: borrowing Transaction) throws -> [Int?] {
        var seen: [Int?] = []
        for change in changes {
            switch change {
            case .set(let cache, let key, let value, let expiration, _):
                try caches[cache].set(key, value, expiration, in: transaction)
            case .remove(let cache, let key):
                seen.append(try caches[cache].remove(key, in: transaction) ? 1 : 0)
            case .removeRange(let cache, let range):
                seen.append(try caches[cache].removeAll(range, in: transaction))
            case .removeAll(let cache): try caches[cache].removeAll(in: transaction)
            case .get(let cache, let key): seen.append(try caches[cache].value(key, in: transaction))
            case .count(let cache): seen.append(try caches[cache].count(in: transaction))
            case .scan(let cache):
                for (key, value) in try caches[cache].scan(in: transaction) { seen += [key, value] }
            }
        }
        if throwsAtEnd { throw Refusal() }
        return seen
    }

    /// What it comes to, and what it sees, in the model.
    func applied(to models: [CacheModel], at now: UInt64) -> (models: [CacheModel], seen: [Int?]) {
        var models = models
        var seen: [Int?] = []
        for change in changes {
            switch change {
            case .set(let cache, let key, let value, _, let deadline):
                models[cache].set(key, .init(value: value, deadline: deadline))
            case .remove(let cache, let key): seen.append(models[cache].remove(key, at: now) ? 1 : 0)
            case .removeRange(let cache, let range): seen.append(models[cache].removeAll(in: range, at: now))
            case .removeAll(let cache): models[cache].removeAll()
            case .get(let cache, let key): seen.append(models[cache].entry(key, at: now)?.value)
            case .count(let cache): seen.append(models[cache].live(at: now).count)
            case .scan(let cache): for (key, value) in models[cache].live(at: now) { seen += [key, value] }
            }
        }
        return (models, seen)
    }
}
