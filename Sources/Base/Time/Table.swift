/// Text in rows, with its columns under one another.
/// - Parameter rightmost: how many of the last columns stand to the right, as numbers do.
/// - Returns: a line for each row, without spaces at its end.
package func table(_ rows: [[String]], rightmost: Int = 0) -> [String] {
    guard let columns = rows.map(\.count).max() else { return [] }
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
        var line = row.indices.map { column in
            let padding = String(repeating: " ", count: widths[column] - row[column].count)
            return column >= columns - rightmost ? padding + row[column] : row[column] + padding
        }.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }
}
