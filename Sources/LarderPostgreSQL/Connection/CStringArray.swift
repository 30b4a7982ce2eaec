#if PostgreSQL
    /// Texts as C wants them: an array of pointers, that of an absent text null, with a null at the end.
    struct CStringArray {
        private var bytes: [CChar] = []
        /// Where each text begins in `bytes`.
        private var starts: [Int?] = []

        /// Copies the texts, which hold no NUL.
        init(_ texts: [String?]) {
            for text in texts {
                starts.append(text == nil ? nil : bytes.count)
                if let text { bytes += text.utf8CString }
            }
        }

        /// Calls `body` with the pointers, which are valid until it returns.
        func withPointers<Result>(_ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result) -> Result {
            unsafe bytes.withUnsafeBufferPointer { bytes in
                let pointers = unsafe (starts + [nil]).map { start -> UnsafePointer<CChar>? in
                    unsafe start.flatMap { start in unsafe bytes.baseAddress.map { unsafe $0 + start } }
                }
                return unsafe pointers.withUnsafeBufferPointer(body)
            }
        }
    }
#endif
