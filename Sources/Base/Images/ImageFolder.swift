import Files
import Glibc

/// The picture files of a folder that match a pattern, in the order people expect: `image_0_2.png` before
/// `image_0_10.png`.
package struct ImageFolder: Equatable, Sendable {
    package let path: String
    /// A shell pattern for file names: `?`, `[a-z]`, `image_*`; nil and `*` alone are all pictures. fnmatch(3).
    package let pattern: String?
    /// The names that match, in natural order.
    package let names: [String]
    /// All names in the folder that do not start with a dot, in natural order: what an error can show.
    package let allNames: [String]

    /// The paths of the files that match.
    package var paths: [String] { names.map { Self.join(path, $0) } }

    /// Finds the image files in a folder whose names match a pattern.
    /// - Parameter pattern: pattern of the files' names; nil and `*` take every name that ends in .png, .jpg or .jpeg,
    ///   in small or capital letters.
    /// - Throws: `FileError` when the folder is missing or may not be read. opendir(3).
    package init(path: String, pattern: String? = nil) throws(FileError) {
        guard let folder = opendir(path) else {
            throw errno == ENOENT ? FileError.missing(path: path) : FileError.unreadable(path: path, errno: errno)
        }
        defer { closedir(folder) }
        var found: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { found.append(name) }
        }
        found.sort(by: Self.precedes)
        self.path = path
        self.pattern = pattern
        allNames = found
        names = found.filter { name in
            if let pattern, pattern != "*" { return fnmatch(pattern, name, 0) == 0 }
            return FileSystem.isPicture(name)
        }
    }

    /// Joins the paths of a folder and of a file in it.
    package static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The first few names for an error, so that a folder of thousands stays readable.
    package static func summary(of names: [String]) -> String {
        guard !names.isEmpty else { return "no files" }
        let shown = names.prefix(5).joined(separator: ", ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
    }

    /// Orders names naturally: runs of digits compare by their value, all else by bytes; names that then are equal
    /// (`1`, `01`) by bytes, so that the order is total.
    package static func precedes(_ a: String, _ b: String) -> Bool {
        let (x, y) = (Array(a.utf8), Array(b.utf8))
        var (i, j) = (0, 0)
        while i < x.count && j < y.count {
            let (digitsX, digitsY) = (digits(x[i...]), digits(y[j...]))
            if digitsX.isEmpty || digitsY.isEmpty {
                if x[i] != y[j] { return x[i] < y[j] }
                i += 1
                j += 1
                continue
            }
            // Numbers of any length: without leading zeros the longer one is larger.
            let (valueX, valueY) = (digitsX.drop { $0 == zero }, digitsY.drop { $0 == zero })
            if valueX.count != valueY.count { return valueX.count < valueY.count }
            if !valueX.elementsEqual(valueY) { return valueX.lexicographicallyPrecedes(valueY) }
            i += digitsX.count
            j += digitsY.count
        }
        if x.count - i != y.count - j { return x.count - i < y.count - j }
        return x.lexicographicallyPrecedes(y)
    }

    private static let zero = UInt8(ascii: "0")

    private static func digits(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.prefix { $0 >= zero && $0 <= UInt8(ascii: "9") }
    }
}
