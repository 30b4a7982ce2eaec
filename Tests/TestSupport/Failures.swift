/// The error of a type that `body` throws; `nil` if it throws none, or another.
package func failure<Failure: Error>(_ type: Failure.Type, of body: () throws -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch {
        return error as? Failure
    }
}

/// The error of a type that `body` throws; `nil` if it throws none, or another.
package func failure<Failure: Error>(_ type: Failure.Type, of body: () async throws -> Void) async -> Failure? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Failure
    }
}
