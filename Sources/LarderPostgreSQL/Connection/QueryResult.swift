#if PostgreSQL
    internal import CPostgreSQL

    /// The columns of a row, as texts; `nil` for NULL.
    typealias Row = [String?]

    /// What the server has answered to a statement, copied out of libpq's memory.
    struct QueryResult {
        /// How the statement went.
        enum Status {
            case done
            case rows
            case refused(PostgreSQLError)
            /// It is one that copies, or of several commands.
            case unexpected
        }

        let status: Status
        private(set) var rows: [Row] = []

        /// Takes over a result of libpq; `nil` if there is none.
        init?(_ result: OpaquePointer?) {
            guard let result = unsafe result else { return nil }
            defer { unsafe PQclear(result) }
            switch unsafe PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: status = .done
            case PGRES_TUPLES_OK:
                status = .rows
                rows = unsafe Self.rows(of: result)
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: status = unsafe .refused(Self.refusal(in: result))
            default: status = .unexpected
            }
        }

        private static func rows(of result: OpaquePointer) -> [Row] {
            let columns = unsafe PQnfields(result)
            return unsafe (0..<PQntuples(result)).map { row in
                (0..<columns).map { column in
                    guard unsafe PQgetisnull(result, row, column) == 0,
                        let text = unsafe PQgetvalue(result, row, column)
                    else { return nil }
                    return unsafe String(cString: text)
                }
            }
        }

        private static func refusal(in result: OpaquePointer) -> PostgreSQLError {
            // 'C', the field of the SQLSTATE. Without one it is libpq that speaks, of a connection that broke.
            let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { unsafe String(cString: $0) }
            return PostgreSQLError(
                state == nil ? .connectionLost : .refused, sqlState: state,
                serverMessage: unsafe PQresultErrorMessage(result).map { unsafe String(cString: $0) })
        }
    }
#endif
