import Messages

/// A small Parquet file: plain encoding, nothing packed, one row group after the other. What learners' libraries write
/// themselves is cleverer and no easier to read. Source: the Parquet format's thrift definitions, version 2.10.
package struct ParquetFile {
    /// The values of a column, one for each row.
    package enum Values: Equatable, Sendable {
        case int64([Int64])
        case float([Float])
        case double([Double])
        case text([String])
        /// Lists of floats, of one length or another; none is empty.
        case floatLists([[Float]])
        case doubleLists([[Double]])
        case int64Lists([[Int64]])
        case textLists([[String]])
        /// Numbers by colour, each in lists of one within lists of one: shape (3, 1, 1).
        case colourNumbers([[Double]])
        /// A group of `bytes` and a `path` that is null: an image as datasets of pictures have it.
        case images([[UInt8]])

        var count: Int {
            switch self {
            case .int64(let values): values.count
            case .float(let values): values.count
            case .double(let values): values.count
            case .text(let values): values.count
            case .floatLists(let values): values.count
            case .doubleLists(let values): values.count
            case .int64Lists(let values): values.count
            case .textLists(let values): values.count
            case .colourNumbers(let values): values.count
            case .images(let values): values.count
            }
        }
    }

    /// One column of a row group.
    package struct Column: Equatable, Sendable {
        package var name: String
        package var values: Values

        package init(_ name: String, _ values: Values) {
            self.name = name
            self.values = values
        }
    }

    private static let magic = Array("PAR1".utf8)

    /// Bytes that were not handed out yet.
    private var bytes = magic
    /// Number of bytes that were handed out.
    private var handedOut = 0
    private var columns: [Column] = []
    private var groups: [(chunks: [Chunk], rows: Int, byteCount: Int)] = []
    private var rows = 0

    /// One column of a row group, as it lies in the file.
    private struct Chunk {
        var path: [String]
        var type: Int32
        var count: Int
        var offset: Int
        var byteCount: Int
    }

    package init() {}

    /// Adds a row group; all have the same columns.
    package mutating func append(_ group: [Column]) {
        precondition(groups.isEmpty || group.map(\.name) == columns.map(\.name), "all row groups have the same columns")
        let count = group.first?.values.count ?? 0
        precondition(group.allSatisfy { $0.values.count == count }, "all columns have the same number of rows")
        if groups.isEmpty { columns = group }
        let start = byteCount
        var chunks: [Chunk] = []
        for column in group { chunks += write(column) }
        groups.append((chunks, count, byteCount - start))
        rows += count
    }

    /// Number of bytes of the file so far.
    package var byteCount: Int { handedOut + bytes.count }

    /// Hands out what the file has so far and was not handed out yet: for one that is written as it grows.
    package mutating func takeBytes() -> [UInt8] {
        defer {
            handedOut += bytes.count
            bytes = []
        }
        return bytes
    }

    /// The whole file, or what of it was not handed out yet.
    /// - Parameter metadata: texts by key, such as pandas' own.
    package consuming func finished(metadata: [(key: String, value: String)] = []) -> [UInt8] {
        let footer = self.footer(metadata)
        bytes += footer
        bytes.appendWord(UInt32(footer.count))
        bytes += Self.magic
        return bytes
    }

    // MARK: Pages

    /// A leaf of the schema with its values.
    private struct Leaf {
        var path: [String]
        var type: PhysicalType
        /// Length of each row's list; nil where a row is one value.
        var lengths: [Int]?
        /// Depth of the lists within lists, each of one element but the outermost.
        var depth = 1
        /// Whether all its values are null; none is encoded then.
        var isNull = false
        /// Values in plain encoding.
        var plain: [UInt8]
        /// Number of values, with nulls.
        var count: Int
    }

    private enum PhysicalType: Int32 {
        case int64 = 2
        case float = 4
        case double = 5
        case byteArray = 6
    }

    private static func leaves(of column: Column) -> [Leaf] {
        func flat(_ type: PhysicalType, _ plain: [UInt8], _ count: Int) -> [Leaf] {
            [Leaf(path: [column.name], type: type, plain: plain, count: count)]
        }
        func list(_ type: PhysicalType, _ plain: [UInt8], _ lengths: [Int]) -> [Leaf] {
            [
                Leaf(
                    path: [column.name, "list", "element"], type: type, lengths: lengths, plain: plain,
                    count: lengths.reduce(0, +))
            ]
        }
        var plain: [UInt8] = []
        switch column.values {
        case .int64(let values):
            for value in values { plain.appendWord(value) }
            return flat(.int64, plain, values.count)
        case .float(let values):
            for value in values { plain.appendWord(value.bitPattern) }
            return flat(.float, plain, values.count)
        case .double(let values):
            for value in values { plain.appendWord(value.bitPattern) }
            return flat(.double, plain, values.count)
        case .text(let values):
            for value in values { plain.appendBytes(Array(value.utf8)) }
            return flat(.byteArray, plain, values.count)
        case .floatLists(let lists):
            for value in lists.joined() { plain.appendWord(value.bitPattern) }
            return list(.float, plain, lists.map(\.count))
        case .doubleLists(let lists):
            for value in lists.joined() { plain.appendWord(value.bitPattern) }
            return list(.double, plain, lists.map(\.count))
        case .int64Lists(let lists):
            for value in lists.joined() { plain.appendWord(value) }
            return list(.int64, plain, lists.map(\.count))
        case .textLists(let lists):
            for value in lists.joined() { plain.appendBytes(Array(value.utf8)) }
            return list(.byteArray, plain, lists.map(\.count))
        case .colourNumbers(let lists):
            for value in lists.joined() { plain.appendWord(value.bitPattern) }
            var leaf = list(.double, plain, lists.map(\.count))
            leaf[0].path = [column.name] + Array(repeating: ["list", "element"], count: 3).joined()
            leaf[0].depth = 3
            return leaf
        case .images(let files):
            for file in files { plain.appendBytes(file) }
            return [
                Leaf(path: [column.name, "bytes"], type: .byteArray, plain: plain, count: files.count),
                Leaf(path: [column.name, "path"], type: .byteArray, isNull: true, plain: [], count: files.count),
            ]
        }
    }

    private mutating func write(_ column: Column) -> [Chunk] {
        Self.leaves(of: column).map { leaf in
            var content: [UInt8] = []
            if let lengths = leaf.lengths {
                var levels: [UInt8] = []
                for length in lengths {
                    precondition(length > 0, "a list has at least one element")
                    levels.appendRun(of: 0, count: 1)
                    if length > 1 { levels.appendRun(of: 1, count: length - 1) }
                }
                content.appendBytes(levels)
            }
            if leaf.lengths != nil || leaf.isNull {
                var levels: [UInt8] = []
                if leaf.count > 0 { levels.appendRun(of: leaf.isNull ? 0 : UInt8(leaf.depth), count: leaf.count) }
                content.appendBytes(levels)
            }
            content += leaf.plain
            let start = byteCount
            bytes += Self.pageHeader(byteCount: content.count, values: leaf.count)
            bytes += content
            return Chunk(
                path: leaf.path, type: leaf.type.rawValue, count: leaf.count, offset: start,
                byteCount: byteCount - start)
        }
    }

    /// Encoding.PLAIN and Encoding.RLE.
    private static let (plainEncoding, runEncoding): (Int32, Int32) = (0, 3)

    private static func pageHeader(byteCount: Int, values: Int) -> [UInt8] {
        var thrift = ThriftCompact()
        thrift.structure {
            $0.field(1, Int32(0))  // a data page
            $0.field(2, Int32(byteCount))
            $0.field(3, Int32(byteCount))
            $0.field(5) {
                $0.field(1, Int32(values))
                $0.field(2, plainEncoding)
                $0.field(3, runEncoding)
                $0.field(4, runEncoding)
            }
        }
        return thrift.bytes
    }

    // MARK: Footer

    private enum Repetition: Int32 {
        case required = 0
        case optional = 1
        case repeated = 2
    }

    private struct SchemaElement {
        var name: String
        var type: PhysicalType?
        var repetition: Repetition? = .required
        var children: Int?
        /// The ConvertedType: 0 text, 3 list.
        var converted: Int32?
    }

    private var schema: [SchemaElement] {
        var elements = [SchemaElement(name: "schema", type: nil, repetition: nil, children: columns.count)]
        for column in columns {
            func list(_ type: PhysicalType, _ converted: Int32? = nil) -> [SchemaElement] {
                [
                    SchemaElement(name: column.name, type: nil, children: 1, converted: 3),
                    SchemaElement(name: "list", type: nil, repetition: .repeated, children: 1),
                    SchemaElement(name: "element", type: type, converted: converted),
                ]
            }
            switch column.values {
            case .int64: elements.append(SchemaElement(name: column.name, type: .int64))
            case .float: elements.append(SchemaElement(name: column.name, type: .float))
            case .double: elements.append(SchemaElement(name: column.name, type: .double))
            case .text: elements.append(SchemaElement(name: column.name, type: .byteArray, converted: 0))
            case .floatLists: elements += list(.float)
            case .doubleLists: elements += list(.double)
            case .int64Lists: elements += list(.int64)
            case .textLists: elements += list(.byteArray, 0)
            case .colourNumbers:
                for name in [column.name, "element", "element"] {
                    elements += [
                        SchemaElement(name: name, type: nil, children: 1, converted: 3),
                        SchemaElement(name: "list", type: nil, repetition: .repeated, children: 1),
                    ]
                }
                elements.append(SchemaElement(name: "element", type: .double))
            case .images:
                elements += [
                    SchemaElement(name: column.name, type: nil, children: 2),
                    SchemaElement(name: "bytes", type: .byteArray),
                    SchemaElement(name: "path", type: .byteArray, repetition: .optional, converted: 0),
                ]
            }
        }
        return elements
    }

    private func footer(_ metadata: [(key: String, value: String)]) -> [UInt8] {
        var thrift = ThriftCompact()
        thrift.structure { file in
            file.field(1, Int32(1))
            file.field(2, schema) { element, thrift in
                if let type = element.type { thrift.field(1, type.rawValue) }
                if let repetition = element.repetition { thrift.field(3, repetition.rawValue) }
                thrift.field(4, element.name)
                if let children = element.children { thrift.field(5, Int32(children)) }
                if let converted = element.converted { thrift.field(6, converted) }
            }
            file.field(3, Int64(rows))
            file.field(4, groups) { group, thrift in
                thrift.field(1, group.chunks) { chunk, thrift in
                    thrift.field(2, Int64(chunk.offset))
                    thrift.field(3) {
                        $0.field(1, chunk.type)
                        $0.field(2, [Self.plainEncoding, Self.runEncoding])
                        $0.field(3, chunk.path)
                        $0.field(4, Int32(0))  // not compressed
                        $0.field(5, Int64(chunk.count))
                        $0.field(6, Int64(chunk.byteCount))
                        $0.field(7, Int64(chunk.byteCount))
                        $0.field(9, Int64(chunk.offset))
                    }
                }
                thrift.field(2, Int64(group.byteCount))
                thrift.field(3, Int64(group.rows))
            }
            if !metadata.isEmpty {
                file.field(5, metadata) { pair, thrift in
                    thrift.field(1, pair.key)
                    thrift.field(2, pair.value)
                }
            }
            file.field(6, OctoRuntime.writer)
        }
        return thrift.bytes
    }
}

extension [UInt8] {
    fileprivate mutating func appendWord(_ word: some FixedWidthInteger) {
        // The pointer does not leave the call.
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends bytes with their length in front, four bytes.
    fileprivate mutating func appendBytes(_ content: [UInt8]) {
        appendWord(UInt32(content.count))
        self += content
    }

    /// A run of levels in one bit each, of the RLE and bit-packing hybrid.
    fileprivate mutating func appendRun(of level: UInt8, count: Int) {
        appendVarint(UInt64(count) << 1)
        append(level)
    }
}
