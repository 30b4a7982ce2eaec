package import Foundation
package import Hummingbird

/// What a request of the catalog comes with.
package struct CatalogContext: RequestContext {
    /// What Hummingbird needs.
    package var coreContext: CoreRequestContextStorage

    /// Makes a context.
    package init(source: Source) {
        coreContext = .init(source: source)
    }

    /// No request is long.
    package var maxUploadSize: Int { 1 << 10 }

    /// Equal answers are equal bytes.
    package var responseEncoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return encoder
    }
}
