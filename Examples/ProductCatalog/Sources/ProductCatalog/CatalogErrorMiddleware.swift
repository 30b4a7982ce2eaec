internal import GRDB
internal import Hummingbird
internal import Larder

/// Answers errors with the status that tells a client what to do: whether it has asked for nonsense, may try again, or must look first.
struct CatalogErrorMiddleware: RouterMiddleware {
    typealias Context = CatalogContext

    func handle(
        _ request: Request, context: CatalogContext,
        next: @concurrent (Request, CatalogContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as CatalogError {
            throw HTTPError(Self.status(of: error), message: "\(error)")
        } catch is DatabaseError {
            throw HTTPError(.serviceUnavailable, message: "The database has failed; nothing was changed. Try again.")
        } catch let error as LarderError {
            throw Self.answer(to: error)
        }
    }

    private static func status(of error: CatalogError) -> HTTPResponse.Status {
        switch error {
        case .noSuchProduct: .notFound
        case .invalidPrice: .badRequest
        case .versionConflict: .conflict
        }
    }

    private static func answer(to error: LarderError) -> HTTPError {
        switch error.code {
        case .outcomeUnknown:
            HTTPError(.gatewayTimeout, message: "Whether the change was made is unknown. Read the product to see.")
        case .busy:
            HTTPError(.serviceUnavailable, message: "Another change is not done yet; nothing was changed. Try again.")
        case .sourceTimedOut: HTTPError(.gatewayTimeout, message: "The database did not answer in time.")
        default: HTTPError(.internalServerError, message: error.message)
        }
    }
}
