#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A directory that does not exist yet, in one that nobody else uses.
func temporaryPath() throws -> String {
    var template = Array("/tmp/larder-test.XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw CancellationError() }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/store"
}
