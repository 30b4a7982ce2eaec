/// Numbers for people.
enum Quantity {
    /// Digits in groups of three: `110,305`.
    static func count(_ value: Int) -> String {
        var text = ""
        let digits = "\(value.magnitude)"
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + text
    }

    /// A number and its noun, in the plural but for 1: `2 records`.
    static func count(_ value: Int, _ noun: String) -> String {
        "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
    }

    /// A number of bytes with one digit behind the point from 1 KiB on: `338.7 MiB`.
    static func bytes(_ value: Int) -> String {
        var amount = Double(value)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if amount < 1_024 {
                return unit == "bytes" ? count(value, "byte") : "\(decimal(amount, digits: 1)) \(unit)"
            }
            amount /= 1_024
        }
        return "\(decimal(amount, digits: 1)) TiB"
    }

    /// A number with so many digits behind the point.
    static func decimal(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0, scaled < 1e18 else { return sign + "\(scaled < 1e18 ? "\(UInt64(scaled))" : "\(value)")" }
        let whole = "\(UInt64(scaled) / UInt64(scale))"
        let fraction = "\(UInt64(scaled) % UInt64(scale))"
        return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// A share of a whole: `12.3 %`; of nothing, a dash.
    static func percentage(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "-" : decimal(Double(part) * 100 / Double(whole), digits: 1) + " %"
    }
}
