#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The bytes of another source, decoded if they are gzip data and as they are if not.
///
/// Which they are is told by the first byte, never by a name: gzip data begins with 0x1f, which begins no text. Gzip data may
/// consist of any number of members (RFC 1952), as `cat a.gz b.gz` makes them. Costs one buffer of 64 KiB, and for gzip data
/// the 40 KiB or so of a zlib stream.
struct DecompressingByteSource<Source: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private var source: Source
    private var input = ByteBuffer()
    private var isEncodingKnown = false
    /// What decodes gzip data; `nil` if the bytes are something else.
    private var inflater: Inflater?
    /// Between two members, where alone gzip data may end.
    private var isBetweenMembers = false
    /// What stopped the decoder, held back until the bytes decoded before it were given out.
    private var failure: TraceError?

    init(_ source: consuming Source) {
        self.source = source
    }

    mutating func read(into buffer: inout MutableSpan<UInt8>) throws(TraceError) -> Int {
        if let failure {
            throw failure
        }
        if !isEncodingKnown {
            inflater = try makeInflaterIfNeeded()
            isEncodingKnown = true
        }
        guard let inflater else {
            return try readPlain(into: &buffer)
        }
        return try readGzip(into: &buffer, with: inflater)
    }

    private mutating func makeInflaterIfNeeded() throws(TraceError) -> Inflater? {
        guard try input.fill(from: &source), input.first == 0x1f else {
            return nil
        }
        guard let inflater = Inflater() else {
            throw Self.outOfMemory
        }
        return inflater
    }

    private mutating func readPlain(into buffer: inout MutableSpan<UInt8>) throws(TraceError) -> Int {
        guard !input.isEmpty else {
            return try source.read(into: &buffer)
        }
        let count = min(input.unread.count, buffer.count)
        for index in 0..<count {
            buffer[index] = input.first
            input.skip(1)
        }
        return count
    }

    private mutating func readGzip(
        into buffer: inout MutableSpan<UInt8>, with inflater: Inflater
    ) throws(TraceError) -> Int {
        while true {
            if isBetweenMembers {
                if input.isEmpty, try !input.fill(from: &source) {
                    return 0
                }
                inflater.beginMember()
                isBetweenMembers = false
            }
            // Decoding goes before reading on, because zlib may still hold output that found no room the last time.
            let step = inflater.decode(input.storage.span.extracting(input.unread), into: &buffer)
            input.skip(step.consumed)
            switch step.outcome {
            case .unfinished:
                if step.produced == 0, input.isEmpty, try !input.fill(from: &source) {
                    failure = TraceError(.truncatedGzip)
                }
            case .memberEnded: isBetweenMembers = true
            case .corrupt: failure = TraceError(.corruptGzip)
            case .outOfMemory: failure = Self.outOfMemory
            }
            if step.produced > 0 {
                return step.produced
            }
            if let failure {
                throw failure
            }
        }
    }

    private static var outOfMemory: TraceError {
        TraceError(.cannotRead, systemError: ENOMEM)
    }
}
