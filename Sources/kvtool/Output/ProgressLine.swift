import Synchronization

/// A line on the terminal that says how far a command is; nothing where standard error is not a terminal.
///
/// Any thread may update it. It is redrawn ten times a second at most.
final class ProgressLine: Sendable {
    private struct State {
        var lastDrawn: ContinuousClock.Instant?
        var isShown = false
    }

    private let isEnabled = FileDescriptor.standardError.isTerminal
    private let state = Mutex(State())

    /// Shows `text` in place of what was shown, unless that is too recent. `text` is made only if it is shown.
    func update(_ text: () -> String) {
        guard isEnabled else { return }
        let isDue = state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.lastDrawn, now - last < .milliseconds(100) { return false }
            state.lastDrawn = now
            state.isShown = true
            return true
        }
        // Return, the text, and clear what is left of the old one.
        if isDue { StandardError.write("\r\(text())\u{1b}[K") }
    }

    /// Takes the line away.
    func clear() {
        let wasShown = state.withLock { state in
            defer { state.isShown = false }
            return state.isShown
        }
        if wasShown { StandardError.write("\r\u{1b}[K") }
    }
}
