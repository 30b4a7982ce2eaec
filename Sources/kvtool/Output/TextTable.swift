/// Rows of text in aligned columns.
struct TextTable {
    /// How a column is aligned.
    enum Alignment {
        case left, right
    }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// - Parameter alignments: One for each column.
    init(_ alignments: [Alignment]) {
        self.alignments = alignments
    }

    /// Adds a row; it may have fewer cells than there are columns.
    mutating func add(_ cells: String...) {
        rows.append(cells)
    }

    /// The lines, two blanks between columns and none at a line's end.
    var text: String {
        let widths = alignments.indices.map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        var text = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + padding : padding + cell)
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }
}
