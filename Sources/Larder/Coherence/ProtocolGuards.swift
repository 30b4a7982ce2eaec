/// The guards that keep the two tiers one. All of them stand in every build but those of `scripts/check-broken-builds`, which leaves out
/// one at a time to see that the history checker notices. They are constants, so that standing costs nothing.
enum ProtocolGuards {
    #if LARDER_BREAK_FOREIGN_CHECK
        /// Whether a read looks for commits of other processes.
        static var noticesForeignCommits: Bool { false }
    #else
        /// Whether a read looks for commits of other processes.
        @inline(__always) static var noticesForeignCommits: Bool { true }
    #endif

    #if LARDER_BREAK_POPULATE_GUARD
        /// Whether a value read from disk is kept only if no commit of ours after its snapshot changed the key, or is about to.
        static var comparesLastWrite: Bool { false }
    #else
        /// Whether a value read from disk is kept only if no commit of ours after its snapshot changed the key, or is about to.
        @inline(__always) static var comparesLastWrite: Bool { true }
    #endif

    #if LARDER_BREAK_PENDING_MARKS
        /// Whether a key is pending while a commit changes it.
        static var marksPending: Bool { false }
    #else
        /// Whether a key is pending while a commit changes it.
        @inline(__always) static var marksPending: Bool { true }
    #endif

    #if LARDER_BREAK_FLOOR
        /// Whether an entry from before the last foreign commit that was noticed is no answer.
        static var comparesFloor: Bool { false }
    #else
        /// Whether an entry from before the last foreign commit that was noticed is no answer.
        @inline(__always) static var comparesFloor: Bool { true }
    #endif

    #if LARDER_BREAK_VALIDATION
        /// Whether what was read without a shard's lock counts only if nobody wrote meanwhile.
        static var validatesLookups: Bool { false }
    #else
        /// Whether what was read without a shard's lock counts only if nobody wrote meanwhile.
        @inline(__always) static var validatesLookups: Bool { true }
    #endif

    #if LARDER_BREAK_GRACE_PERIOD
        /// Whether an object that was removed from memory is let go only when no lookup is about to retain it.
        static var awaitsLookups: Bool { false }
    #else
        /// Whether an object that was removed from memory is let go only when no lookup is about to retain it.
        @inline(__always) static var awaitsLookups: Bool { true }
    #endif

    #if LARDER_BREAK_EMPTY_COMMITS
        /// Whether a transaction that changed nothing is aborted rather than published.
        static var abortsEmptyTransactions: Bool { false }
    #else
        /// Whether a transaction that changed nothing is aborted rather than published.
        @inline(__always) static var abortsEmptyTransactions: Bool { true }
    #endif

    #if LARDER_BREAK_UNDO
        /// Whether a transaction that throws is undone alone.
        static var undoesAlone: Bool { false }
    #else
        /// Whether a transaction that throws is undone alone.
        @inline(__always) static var undoesAlone: Bool { true }
    #endif

    #if LARDER_BREAK_ACKNOWLEDGEMENT
        /// Whether a write is acknowledged only when it is committed.
        static var acknowledgesAfterCommit: Bool { false }
    #else
        /// Whether a write is acknowledged only when it is committed.
        @inline(__always) static var acknowledgesAfterCommit: Bool { true }
    #endif

    #if LARDER_BREAK_UPDATES
        /// Whether an update goes by the value that its transaction sees, whatever memory holds.
        static var updatesInTransaction: Bool { false }
    #else
        /// Whether an update goes by the value that its transaction sees, whatever memory holds.
        @inline(__always) static var updatesInTransaction: Bool { true }
    #endif

    #if LARDER_BREAK_WITHDRAWAL
        /// Whether a cancelled write is called withdrawn only if it had not begun.
        static var withdrawsOnlyWaiting: Bool { false }
    #else
        /// Whether a cancelled write is called withdrawn only if it had not begun.
        @inline(__always) static var withdrawsOnlyWaiting: Bool { true }
    #endif
}
