import Testing

@testable import LMDB

@Suite struct `A sequence lock` {
    @Test func `tells a reader that someone wrote, however often`() {
        let lock = SequenceLock()
        let sequence = lock.beginReading()
        var isUnchanged = [lock.isUnchanged(since: sequence ?? 1)]
        for _ in 0..<3 {
            lock.beginWriting()
            isUnchanged.append(lock.isUnchanged(since: sequence ?? 1))
            lock.endWriting()
            isUnchanged.append(lock.isUnchanged(since: sequence ?? 1))
        }
        #expect(isUnchanged == [true, false, false, false, false, false, false])
    }

    @Test func `lets nobody read, and no other write, while someone writes`() {
        let lock = SequenceLock()
        let begins = [lock.tryToBeginWriting(), lock.tryToBeginWriting()]
        #expect(begins == [true, false])
        let during = lock.beginReading()
        #expect(during == nil)
        lock.endWriting()
        let after = lock.beginReading()
        #expect(after != nil)
        let begun = lock.tryToBeginWriting()
        #expect(begun)
    }

    @Test func `can be one that is written under for ever`() {
        let lock = SequenceLock(isWriting: true)
        let sequence = lock.beginReading()
        #expect(sequence == nil)
    }
}
