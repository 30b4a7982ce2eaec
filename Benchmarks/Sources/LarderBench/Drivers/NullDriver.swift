/// No peer at all: answers every get at once with what the last put left. What the harness itself costs, which the instruction counts subtract.
struct NullDriver: Driver {
    init(_ options: DriverOptions) {}

    func makeSession() -> Session { Session() }

    final class Session: DriverSession {
        private var last: Glimpse?

        func get(_ key: Span<UInt8>) -> Glimpse? { last }

        func put(_ key: Span<UInt8>, _ value: Span<UInt8>) { last = value.glimpse }

        func value(for key: Span<UInt8>) -> [UInt8]? { nil }
    }
}
