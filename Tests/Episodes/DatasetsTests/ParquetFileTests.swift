import Datasets
import Foundation
import JSONTree
import TestSupport
import Testing

@Suite struct ParquetFileTests {
    private static let python = TestPython.path(with: ["pyarrow"], namedBy: "OCTO_PARQUET_PYTHON")
    private static let missing: Comment = "no python3 with pyarrow; OCTO_PARQUET_PYTHON can name one"

    private func read(_ files: [[UInt8]]) throws -> [JSONNode] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "octo-parquet-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = try files.enumerated().map { index, bytes in
            let url = folder.appendingPathComponent("\(index).parquet")
            try Data(bytes).write(to: url)
            return url.path
        }
        let (exitCode, output) = try TestPython.run(
            try #require(Self.python), "Tests/Episodes/DatasetsTests/parquet_check.py", paths)
        try #require(exitCode == 0, "its complaint stands above")
        return try #require(try JSONNode(parsing: output).array)
    }

    private func numbers(_ node: JSONNode?) -> [Double]? { node?.array?.compactMap(\.double) }

    @Test(.enabled(if: python != nil, missing)) func othersReadWhatWeWrite() throws {
        var file = ParquetFile()
        for group in 0..<3 {
            let base = Int64(group) * 2
            file.append([
                .init("index", .int64([base, -(base + 1)])), .init("time", .float([Float(base) * 0.1, .pi])),
                .init("mean", .double([1e-300, Double(base)])), .init("text", .text(["", "größer als \(base)"])),
                .init("action", .floatLists([[1, 2, 3], [Float(base)]])),
                .init("wide/name", .doubleLists([[0.1], [0.2, 0.3]])),
                .init("tasks", .textLists([["a", "b"], ["c"]])), .init("image", .images([[0xFF, 0xD8], []])),
            ])
        }
        let found = try #require(try read([file.finished(metadata: [("pandas", "{}"), ("other", "ü")])]).first)
        #expect(found["rows"]?.int == 6 && found["groups"]?.int == 3)
        let columns = try #require(found["columns"])
        #expect(numbers(columns["index"]) == [0, -1, 2, -3, 4, -5])
        #expect(numbers(columns["time"])?.map { Float($0) } == [0, .pi, 0.2, .pi, 0.4, .pi])
        #expect(numbers(columns["mean"]) == [1e-300, 0, 1e-300, 2, 1e-300, 4])
        #expect(
            columns["text"]?.array?.compactMap(\.string) == [
                "", "größer als 0", "", "größer als 2", "", "größer als 4",
            ])
        #expect(
            columns["action"]?.array?.map { numbers($0) ?? [] } == [[1, 2, 3], [0], [1, 2, 3], [2], [1, 2, 3], [4]])
        #expect(columns["wide/name"]?.array?.first.map { numbers($0) ?? [] } == [0.1])
        #expect(columns["tasks"]?.array?.first?.array?.compactMap(\.string) == ["a", "b"])
        let image = columns["image"]?.array?.first
        #expect(image?["bytes"]?.string == "ffd8" && image?["path"]?.kind == JSONNode(.null).kind)
        #expect(found["metadata"]?["pandas"]?.string == "{}" && found["metadata"]?["other"]?.string == "ü")
        #expect(found["types"]?["index"]?.string == "int64" && found["types"]?["time"]?.string == "float")
    }

    /// Lengths at which the encodings of lengths become longer.
    @Test(.enabled(if: python != nil, missing)) func filesOfManySizesAreRead() throws {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        let counts = [1, 2, 14, 15, 16, 63, 64, 127, 128, 1000]
        let tables = counts.map { count in
            (0..<count).map { _ in
                (0..<Int.random(in: 1...70, using: &chance)).map { _ in Float.random(in: -1...1, using: &chance) }
            }
        }
        let files = zip(counts, tables).map { count, lists in
            var file = ParquetFile()
            file.append(
                (0..<20).map { .init("c\($0)", .int64(Array(repeating: Int64($0), count: count))) } + [
                    .init("l", .floatLists(lists))
                ])
            return file.finished()
        }
        for (found, lists) in zip(try read(files), tables) {
            #expect(
                found["columns"]?["l"]?.array?.map { (numbers($0) ?? []).map { Float($0) } } == lists, "seed \(seed)")
            #expect(found["columns"]?["c19"]?.array?.count == lists.count)
        }
    }

    @Test func aFileHasItsMagicAtBothEndsAndTheFootersLength() {
        var file = ParquetFile()
        file.append([.init("a", .int64([7]))])
        let bytes = file.finished()
        #expect(bytes.prefix(4).elementsEqual("PAR1".utf8) && bytes.suffix(4).elementsEqual("PAR1".utf8))
        let length = bytes.dropLast(4).suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        // After the page: its header, and the eight bytes of its only value.
        #expect(bytes.count - 12 - length > 8 && length > 20)
    }
}
