import Larder

/// The code of the ``LarderError`` that `body` throws, or `nil` if it throws none.
func code(of body: () throws -> Void) -> LarderError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? LarderError)?.code
    }
}

/// The code of the ``LarderError`` that `body` throws, or `nil` if it throws none.
func code(of body: () async throws -> Void) async -> LarderError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? LarderError)?.code
    }
}

/// The ``LarderError`` that `body` throws, or `nil` if it throws none.
func failure(of body: () throws -> Void) -> LarderError? {
    do {
        try body()
        return nil
    } catch {
        return error as? LarderError
    }
}

/// What a test throws to undo a transaction.
struct Refusal: Error, Equatable {}
