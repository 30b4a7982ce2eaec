import ArgumentParser
import Larder

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Why a command did not do what was asked, and the exit code that says so.
struct Failure: Error {
    /// The exit codes, those of sysexits(3) where it has one.
    enum Code: Int32 {
        case done = 0
        case keyNotFound = 1
        case usage = 64
        case damagedData = 65
        case noSuchStore = 66
        case internalError = 70
        case inputOutput = 74
        case busy = 75
    }

    var code: Code
    /// One sentence without a final stop; `nil` if everything has been said.
    var message: String?

    init(_ code: Code, _ message: String? = nil) {
        self.code = code
        self.message = message
    }

    /// What an error means to the caller of the tool; `nil` for those of the argument parser, which says it itself.
    init?(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case is ClosedPipe: self.init(.done)
        case let error as LarderError where error.code == .storeNotFound || error.code == .cacheNotFound:
            self.init(.noSuchStore, error.message)
        case let error as LarderError: self.init(Code(error.code), error.description)
        case let error as TraceError: self.init(Code(error.code), error.description)
        case is ExitCode, is CleanExit, is ValidationError: return nil
        case is CancellationError: self.init(.internalError, "the command was cancelled")
        default:
            if KVTool.exitCode(for: error) != .failure { return nil }
            self.init(.internalError, "\(error)")
        }
    }

    /// Says why on standard error, and ends the process.
    func exit() -> Never {
        if let message { StandardError.write("Error: ", message) }
        // Not `exit`: what other threads are doing ends with the process, as it would in a crash, which a store survives.
        _exit(code.rawValue)
    }
}

extension Failure.Code {
    /// The exit code for an error of the library.
    init(_ code: LarderError.Code) {
        switch code {
        case .invalidKey, .invalidCacheName, .invalidOption, .invalidExpiration, .codingMismatch, .transactionTooLarge,
            .valueTooLarge, .overflow, .durabilityMismatch, .purposeMismatch:
            self = .usage
        case .notAStore, .unflushed, .newerFormat, .newerCacheVersion, .damagedRecord, .damagedStore, .undecodableKey,
            .undecodableValue:
            self = .damagedData
        case .storeNotFound, .cacheNotFound, .cacheDropped: self = .noSuchStore
        case .diskFull, .diskBudgetExceeded, .fileSystem, .outcomeUnknown, .reopenNeeded: self = .inputOutput
        case .busy, .tooManyReaders: self = .busy
        default: self = .internalError
        }
    }

    /// The exit code for an error of a trace.
    init(_ code: TraceError.Code) {
        switch code {
        case .cannotOpen: self = .noSuchStore
        case .cannotRead: self = .inputOutput
        default: self = .damagedData
        }
    }
}

extension Failure {
    /// A system call that failed.
    static func system(_ action: String, _ systemError: CInt = errno) -> Failure {
        Failure(.inputOutput, "\(action): \(TraceError.text(ofSystemError: systemError))")
    }
}
