/// The steps that change which caches there are, each a commit of its own, in a cycle of five: make the cache `temporary`, write to it, raise
/// the version of `versioned`, write to it, drop `temporary`.
enum SchemaPlan {
    static let temporary = "temporary"
    static let versioned = "versioned"
    /// The lane under which the steps are marked.
    static let lane = 99

    /// What the store holds after so many steps.
    static func state(after steps: Int) -> State {
        var state = State()
        for step in stride(from: 1, through: steps, by: 1) {
            switch step % 5 {
            case 1: state.temporary = [:]
            case 2: state.temporary = [step: step]
            case 3:
                state.version = UInt16(step / 5 + 1)
                state.versioned = [:]
            case 4: state.versioned = [step: step]
            default: state.temporary = nil
            }
        }
        return state
    }

    /// What the steps have come to.
    struct State: Equatable {
        /// The entries of the cache `temporary`; `nil` without it.
        var temporary: [Int: Int]?
        var version: UInt16 = 0
        var versioned: [Int: Int] = [:]

        /// After how many steps this is so; `nil` if that is never so.
        var steps: Int? {
            // The last step that left a trace is at most four steps back.
            let last = max(temporary?.keys.max() ?? 0, versioned.keys.max() ?? 0, max(0, Int(version) * 5 - 2))
            return (last...last + 4).first { SchemaPlan.state(after: $0) == self }
        }
    }
}
