/// Checks every page of a data file without LMDB, which on a damaged page aborts, faults, or answers wrongly.
///
/// It walks the trees of one commit: each page is where its parent says, of the right kind, sound inside, used once, and not in the list of
/// free pages; keys ascend and lie between their parents' keys; the counts that LMDB keeps agree. What the values say is the visitor's.
package struct FileVerification {
    /// Something that is wrong with the file.
    package struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The table, where one is concerned.
        package var table: String?
        /// The page.
        package var page: UInt64
        /// What is wrong.
        package var text: String

        package var description: String {
            "page \(page)" + (table.map { " of table '\($0)'" } ?? "") + ": \(text)"
        }
    }

    /// What was found wrong, at most ``maximumProblems``.
    package private(set) var problems: [Problem] = []
    /// Pages in use, meta pages included.
    package private(set) var usedPages: UInt64 = 2
    /// Pages that may be used again.
    package private(set) var freePages: UInt64 = 0
    /// Pages that are neither. They are lost to the file and harm nothing else.
    package private(set) var lostPages: UInt64 = 0
    /// The names of the tables.
    package private(set) var tables: Set<String> = []
    /// Entries of all tables.
    package private(set) var entries = 0

    package static let maximumProblems = 1_000

    /// The names of the two trees that the meta page holds.
    private static let main = "main"
    private static let freePages = "free pages"

    /// Is called with each entry of each table.
    package typealias Visitor = (_ table: String, _ key: Span<UInt8>, _ value: Span<UInt8>) -> Void

    private let file: PageFile
    private let meta: Meta
    private var seen: [UInt64]
    /// Free pages behind the end of the file: LMDB writes them when it uses them.
    private var seenBehindEnd: Set<UInt64> = []

    /// Checks the environment as of its last commit, which a reader keeps in place meanwhile; others may go on writing.
    ///
    /// - Throws: ``LMDBError`` if the file cannot be opened or read at all.
    package static func run(_ environment: Environment, _ visit: Visitor) throws -> FileVerification {
        let path = environment.path + "/" + Environment.FileName.data
        let pageSize = try environment.information().pageSize
        for _ in 0..<1_000 {
            let result = try environment.read { transaction -> FileVerification? in
                let file = try PageFile(path: path, pageSize: pageSize)
                // A meta page is overwritten by the next commit but one; the pages it names are not, while we read.
                let metas = metaPages(of: file)
                guard let meta = metas.first(where: { $0.transactionID == transaction.id }) else {
                    if metas.count == 2 { return nil }
                    throw LMDBError(.invalid, operation: "verify", path: path)
                }
                var verification = FileVerification(file: file, meta: meta)
                verification.check(metas)
                verification.check(visit)
                return verification
            }
            if let result { return result }
        }
        // Writers in a hurry cannot be that fast: the meta pages do not say what LMDB's readers see.
        throw LMDBError(.invalid, operation: "verify", path: path)
    }

    /// Checks a data file that nobody has open, as of its newest meta page.
    ///
    /// - Throws: ``LMDBError``; ``LMDBError/Code-swift.struct/invalid`` for a file without a sound meta page.
    package static func run(fileAt path: String, _ visit: Visitor) throws -> FileVerification {
        // The first meta page says how large a page is; it fits in the smallest.
        let first = try PageFile(path: path, pageSize: 256).page(0).flatMap { Meta($0) }
        guard let pageSize = first?.pageSize else { throw LMDBError(.invalid, operation: "verify", path: path) }
        let file = try PageFile(path: path, pageSize: pageSize)
        let metas = metaPages(of: file)
        guard let meta = metas.max(by: { $0.transactionID < $1.transactionID }), metas.count == 2 else {
            throw LMDBError(.invalid, operation: "verify", path: path)
        }
        var verification = FileVerification(file: file, meta: meta)
        verification.check(metas)
        verification.check(visit)
        return verification
    }

    /// Both meta pages as they are at one moment, as far as they can be read, while others may commit.
    private static func metaPages(of file: PageFile) -> [Meta] {
        func read(_ number: UInt64) -> Meta? { file.page(number).flatMap { Meta($0) } }
        while true {
            let metas = [read(0), read(1)]
            if read(0)?.transactionID == metas[0]?.transactionID { return metas.compactMap { $0 } }
        }
    }

    private init(file: PageFile, meta: Meta) {
        self.file = file
        self.meta = meta
        let count = min(meta.lastPage, UInt64(file.length / file.pageSize) + 1)
        seen = [UInt64](repeating: 0, count: Int(count / 64) + 1)
    }

    /// Checks that the meta pages are those of the last two commits: LMDB has no checksum of them, and takes the greater number.
    ///
    /// Commit *n* goes to page *n* modulo 2. It frees at least the pages that it replaces, so the last list of free pages is its own.
    ///
    /// Nothing is concluded from the trees of the older page: the commit after the last one may have been cut short, or have failed, when all
    /// but its meta page was written, and it may lie on the very pages that the older meta page names. So it is not noticed if the number of
    /// the last commit was damaged into one that is less by two, which makes LMDB answer from the commit before.
    private mutating func check(_ metas: [Meta]) {
        guard metas.count == 2 else { return report(0, nil, "a meta page cannot be read") }
        let (first, second) = (metas[0].transactionID, metas[1].transactionID)
        if max(first, second) - min(first, second) > 1 || first % 2 != 0 || second % 2 == 0 && second != 0 {
            report(0, nil, "the numbers of the last commits, \(first) and \(second), do not follow each other")
        }
        if let last = lastFreeing(in: meta.free), last != meta.transactionID {
            report(meta.transactionID % 2, nil, "it is numbered \(meta.transactionID), and commit \(last) wrote it")
        }
    }

    /// The number of the last commit that freed pages, by the tree of free pages; `nil` without one.
    private func lastFreeing(in tree: Tree) -> UInt64? {
        guard var number = tree.root, 1...64 ~= tree.depth else { return nil }
        for depth in stride(from: tree.depth, through: 1, by: -1) {
            guard let page = file.page(number), page.hasSoundBounds, page.nodeCount > 0,
                let node = page.node(page.nodeCount - 1)
            else { return nil }
            if depth == 1 { return node.key.count == 8 ? Page(bytes: Array(node.key)).integer(at: 0) : nil }
            number = node.child
        }
        return nil
    }

    private mutating func check(_ visit: Visitor) {
        if meta.pageSize != file.pageSize {
            return report(0, nil, "the page size is \(meta.pageSize), not \(file.pageSize)")
        }
        // No file has so many pages, and numbers near the end of their range would overflow below.
        if meta.lastPage >= 1 << 48 { return report(0, nil, "the number of pages makes no sense") }
        var subtrees: [(String, Tree)] = []
        walk(meta.main, Self.main) { node, key, value in
            guard node.flags & Page.Node.subtree != 0 else { return }
            let name = String(decoding: key, as: UTF8.self)
            guard value.count == Tree.size else { return }
            subtrees.append((name, Tree(Page(bytes: Array(value)), at: 0)))
        }
        for (name, tree) in subtrees {
            tables.insert(name)
            walk(tree, name) { _, key, value in visit(name, key.span, value.span) }
        }
        var freeLists: [ArraySlice<UInt8>] = []
        var isNumbered = true
        walk(meta.free, Self.freePages) { _, key, value in
            freeLists.append(value)
            if key.allSatisfy({ $0 == 0 }) { isNumbered = false }
        }
        // LMDB would take its pages again and again.
        if !isNumbered { report(0, Self.freePages, "a list is of no commit") }
        for list in freeLists { free(list) }
        let all = meta.lastPage + 1
        lostPages = all - min(all, usedPages + freePages)
    }

    /// A list of free pages: how many, then their numbers.
    private mutating func free(_ value: ArraySlice<UInt8>) {
        let list = Page(bytes: Array(value))
        guard list.bytes.count >= 8 else { return report(0, "free pages", "a list is too short") }
        let count: UInt64 = list.integer(at: 0)
        guard count < UInt64(list.bytes.count / 8) else { return report(0, "free pages", "a list is too short") }
        for index in 1..<Int(count) + 1 {
            let number: UInt64 = list.integer(at: 8 * index)
            if useFree(number) { freePages += 1 }
        }
    }

    // MARK: Trees

    private typealias EntryVisitor = (Page.Node, _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void

    private struct Counts {
        var branches: UInt64 = 0
        var leaves: UInt64 = 0
        var overflow: UInt64 = 0
        var entries: UInt64 = 0
    }

    private mutating func walk(_ tree: Tree, _ table: String, _ visit: EntryVisitor) {
        var counts = Counts()
        if tree.flags != (table == Self.freePages ? Tree.integerKeys : 0) {
            report(tree.root ?? 0, table, "the tree has flags \(tree.flags)")
        }
        if let root = tree.root {
            guard 1...64 ~= tree.depth else { return report(root, table, "the tree has depth \(tree.depth)") }
            walk(root, tree.depth, tree, table, nil, nil, &counts, visit)
        }
        usedPages += counts.branches + counts.leaves + counts.overflow
        if (counts.branches, counts.leaves, counts.overflow, counts.entries)
            != (tree.branchPages, tree.leafPages, tree.overflowPages, tree.entries)
        {
            report(tree.root ?? 0, table, "the counts of pages and entries do not agree with the tree")
        }
    }

    private mutating func walk(
        _ number: UInt64, _ depth: Int, _ tree: Tree, _ table: String, _ lower: ArraySlice<UInt8>?,
        _ upper: ArraySlice<UInt8>?,
        _ counts: inout Counts, _ visit: EntryVisitor
    ) {
        guard use(number, table, as: "a page of the tree") else { return }
        guard let page = file.page(number) else { return report(number, table, "the page cannot be read") }
        guard page.number == number else { return report(number, table, "the page says it is page \(page.number)") }
        let expected = depth > 1 ? Page.Flag.branch : Page.Flag.leaf
        guard page.flags == expected else {
            return report(number, table, "the page is of kind \(page.flags), not \(expected)")
        }
        guard page.hasSoundBounds else { return report(number, table, "the page's bounds make no sense") }
        if depth > 1 { counts.branches += 1 } else { counts.leaves += 1 }
        var previous = lower
        var size = 0
        for index in 0..<page.nodeCount {
            guard let node = page.node(index) else { return report(number, table, "a node lies outside the page") }
            size += node.size
            // The first key of a branch is not used and may be empty.
            let isFirst = index == 0
            if !(depth > 1 && isFirst) {
                let isOrdered =
                    previous.map { isFirst && depth == 1 ? !isLess(node.key, $0, tree) : isLess($0, node.key, tree) }
                    ?? true
                guard isOrdered, upper.map({ isLess(node.key, $0, tree) }) ?? true else {
                    return report(number, table, "the keys are out of order")
                }
            }
            if depth > 1 {
                let next = index + 1 < page.nodeCount ? page.node(index + 1)?.key : upper
                let start = isFirst ? lower : node.key
                walk(node.child, depth - 1, tree, table, start, next, &counts, visit)
            } else {
                let allowed = table == Self.main ? Page.Node.subtree : Page.Node.bigData
                guard node.flags & ~allowed == 0 else {
                    return report(number, table, "an entry has flags \(node.flags)")
                }
                counts.entries += 1
                self.entry(node, number, table, &counts, visit)
            }
            previous = isFirst && depth > 1 ? lower : node.key
        }
        // LMDB keeps the nodes of a page together: what is not their sum is not theirs, but what an earlier one left.
        if size != page.bytes.count - page.upper {
            report(number, table, "the nodes overlap, or leave room between them")
        }
    }

    private mutating func entry(
        _ node: Page.Node, _ number: UInt64, _ table: String, _ counts: inout Counts, _ visit: EntryVisitor
    ) {
        entries += 1
        guard node.flags & Page.Node.bigData != 0 else { return visit(node, node.key, node.data) }
        let size = node.dataSize
        let first = node.overflowPage
        let pages = (Page.headerSize - 1 + size) / file.pageSize + 1
        guard size >= 0, let value = file.page(first, count: pages) else {
            return report(first, table, "a large value cannot be read")
        }
        // A value that was made smaller in the transaction that wrote it keeps the pages it had.
        guard value.number == first, value.flags == Page.Flag.overflow, value.overflowPages >= UInt64(pages)
        else {
            return report(first, table, "the page is not the first of a large value of this size")
        }
        for index in 0..<value.overflowPages where !use(first + index, table, as: "a page of a large value") { return }
        counts.overflow += value.overflowPages
        visit(node, node.key, value.bytes[Page.headerSize..<Page.headerSize + size])
    }

    private func isLess(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, _ tree: Tree) -> Bool {
        guard tree.hasIntegerKeys, left.count == 8, right.count == 8 else {
            return left.lexicographicallyPrecedes(right)
        }
        return Page(bytes: Array(left)).integer(at: 0, as: UInt64.self) < Page(bytes: Array(right)).integer(at: 0)
    }

    // MARK: Findings

    /// Notes that a page has its place; returns `false` if it is beyond the end or has another one already.
    private mutating func use(_ number: UInt64, _ table: String, as role: String) -> Bool {
        guard number >= 2, number <= meta.lastPage, number / 64 < UInt64(seen.count) else {
            report(number, table, "\(role) lies outside the file")
            return false
        }
        let bit: UInt64 = 1 << (number % 64)
        guard seen[Int(number / 64)] & bit == 0 else {
            report(number, table, "\(role) is used twice")
            return false
        }
        seen[Int(number / 64)] |= bit
        return true
    }

    private mutating func useFree(_ number: UInt64) -> Bool {
        guard number <= meta.lastPage, number / 64 >= UInt64(seen.count) else {
            return use(number, Self.freePages, as: "a free page")
        }
        let isNew = seenBehindEnd.insert(number).inserted
        if !isNew { report(number, Self.freePages, "a free page is used twice") }
        return isNew
    }

    private mutating func report(_ page: UInt64, _ table: String?, _ text: String) {
        if problems.count < Self.maximumProblems { problems.append(Problem(table: table, page: page, text: text)) }
    }
}
