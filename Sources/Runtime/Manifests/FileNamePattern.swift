/// File names with wild cards: `*` stands for any signs, `?` for one.
package struct FileNamePattern: Sendable {
    private let pattern: [Character]

    package init(_ pattern: String) { self.pattern = Array(pattern) }

    /// Whether the pattern matches a file's name. As in a shell, a leading dot must be written out.
    package func matches(_ name: String) -> Bool {
        if name.hasPrefix("."), pattern.first != "." { return false }
        let name = Array(name)
        var (p, n) = (0, 0)
        // Where to go on when the present attempt fails: after the last star, one sign further in the name.
        var retry: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == "*" {
                retry = (p + 1, n)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let (afterStar, start) = retry {
                p = afterStar
                n = start + 1
                retry = (afterStar, start + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}
