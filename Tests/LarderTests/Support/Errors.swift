import Larder
import TestSupport

/// The code of the ``LarderError`` that `body` throws, or `nil` if it throws none.
func code(of body: () throws -> Void) -> LarderError.Code? {
    failure(of: body)?.code
}

/// The code of the ``LarderError`` that `body` throws, or `nil` if it throws none.
func code(of body: () async throws -> Void) async -> LarderError.Code? {
    await failure(LarderError.self, of: body)?.code
}

/// The ``LarderError`` that `body` throws, or `nil` if it throws none.
func failure(of body: () throws -> Void) -> LarderError? {
    failure(LarderError.self, of: body)
}

/// What a test throws to undo a transaction.
struct Refusal: Error, Equatable {}
