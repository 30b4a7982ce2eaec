import Glibc

@testable import Larder

extension Parser {
    /// A sound store's file with changes: whatever comes of them, the verification ends, and the second one says the same.
    ///
    /// Of each change 3 bytes say where, one how many bytes, then these follow. A count of 0 cuts the file there, one of 255 copies a page
    /// from the next two bytes' place.
    static let file = Parser(name: "file") { input in
        var input = Input(input)
        var file = golden
        while !input.isEmpty {
            let offset = (Int(input.integer(UInt16.self)) | Int(input.byte()) << 16) % max(file.count, 1)
            let count = input.byte()
            switch count {
            case 0: file.removeSubrange(offset...)
            case 255:
                let source = Int(input.integer(UInt16.self)) % (golden.count / 4_096) * 4_096
                let target = offset / 4_096 * 4_096
                guard target + 4_096 <= file.count else { break }
                file.replaceSubrange(target..<target + 4_096, with: golden[source..<source + 4_096])
            default:
                for (index, byte) in input.bytes(Int(count % 16)).enumerated() where offset + index < file.count {
                    file[offset + index] = byte
                }
            }
        }
        verify(file)
    }

    /// A sound store's file: that of the environment's `LARDER_FUZZ_STORE`.
    private static let golden: [UInt8] = {
        guard let path = unsafe getenv("LARDER_FUZZ_STORE"), let file = unsafe fopen(path, "r") else {
            print("LARDER_FUZZ_STORE does not name a store's file")
            exit(64)
        }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }()

    private static let scratch = ScratchFile(name: "data.mdb")

    private static func verify(_ bytes: [UInt8]) {
        scratch.write(bytes)
        let first = findings()
        require(findings() == first, "a second look finds something else")
        if bytes == golden { require(first == [], "a sound store is called damaged") }
    }

    /// What a verification finds; `nil` if it refuses the file.
    private static func findings() -> [String]? {
        guard let verification = try? StoreVerification.run(unopenedAt: scratch.directory) else { return nil }
        return verification.problems + verification.damagedRecords.map { "\($0.cacheName) \($0.keyHash) \($0.problem)" }
    }
}
