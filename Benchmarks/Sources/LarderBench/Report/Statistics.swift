extension [Double] {
    /// The middle value; of an even number of values the mean of the two in the middle. Nil of none.
    var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let middle = count / 2
        return count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// How far apart the values are: largest less smallest, as a share of the median. Nil of none.
    var spread: Double? {
        guard let median, median != 0, let least = self.min(), let most = self.max() else { return nil }
        return (most - least) / median
    }
}
