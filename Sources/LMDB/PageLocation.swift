internal import CLMDB

/// Where an entry lies in the file.
package struct PageLocation: Hashable, Sendable {
    /// The page of its tree that holds it.
    package var leaf: Int
    /// The pages of its own that its value takes, if it is a long one.
    package var value: Range<Int>?
}

extension Cursor {
    /// Where the entry lies that the cursor of a read transaction stands on: each page begins with its number.
    package func location(pageSize: Int) -> PageLocation {
        withEntry { key, value in
            let leaf = unsafe Self.page(of: key, pageSize)
            let first = unsafe Self.page(of: value, pageSize)
            guard first != leaf, value.count > 0 else { return PageLocation(leaf: leaf, value: nil) }
            let count = (Page.headerSize + value.count + pageSize - 1) / pageSize
            return PageLocation(leaf: leaf, value: first..<first &+ count)
        }
    }

    /// The number of the page in which a span begins. The map begins at a page of the system, of which a page of the file is one or a part.
    @unsafe
    private static func page(of span: Span<UInt8>, _ pageSize: Int) -> Int {
        unsafe span.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return 0 }
            let page = unsafe UnsafeRawPointer(start).alignedDown(toMultipleOf: pageSize)
            return unsafe Int(truncatingIfNeeded: page.load(as: UInt64.self))
        }
    }
}

extension UnsafeRawPointer {
    fileprivate func alignedDown(toMultipleOf alignment: Int) -> UnsafeRawPointer {
        unsafe self - Int(bitPattern: self) & (alignment - 1)
    }
}
