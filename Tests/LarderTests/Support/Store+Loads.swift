@testable import Larder

extension Store {
    /// Waits until every loaded value is kept, or is not to be: it is handed out before its record is committed.
    func waitForLoads() async {
        while !loads.isEmpty { await Task.yield() }
    }
}
