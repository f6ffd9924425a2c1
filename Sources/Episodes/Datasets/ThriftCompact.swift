/// Thrift's compact protocol, as far as a Parquet file needs it. Source: the protocol's specification,
/// thrift-compact-protocol.
struct ThriftCompact {
    private enum FieldType: UInt8 {
        case int32 = 5
        case int64 = 6
        case binary = 8
        case list = 9
        case structure = 12
    }

    private(set) var bytes: [UInt8] = []
    /// Ids of the fields before, of each structure that is open.
    private var last: [Int16] = []

    mutating func structure(_ fields: (inout ThriftCompact) -> Void) {
        last.append(0)
        fields(&self)
        last.removeLast()
        bytes.append(0)
    }

    mutating func field(_ id: Int16, _ value: Int32) {
        begin(id, .int32)
        appendZigzag(Int64(value))
    }

    mutating func field(_ id: Int16, _ value: Int64) {
        begin(id, .int64)
        appendZigzag(value)
    }

    mutating func field(_ id: Int16, _ text: String) {
        begin(id, .binary)
        append(text)
    }

    mutating func field(_ id: Int16, _ fields: (inout ThriftCompact) -> Void) {
        begin(id, .structure)
        structure(fields)
    }

    mutating func field(_ id: Int16, _ values: [Int32]) {
        begin(id, .list)
        beginList(of: .int32, count: values.count)
        for value in values { appendZigzag(Int64(value)) }
    }

    mutating func field(_ id: Int16, _ texts: [String]) {
        begin(id, .list)
        beginList(of: .binary, count: texts.count)
        for text in texts { append(text) }
    }

    mutating func field<Element>(_ id: Int16, _ elements: [Element], _ fields: (Element, inout ThriftCompact) -> Void) {
        begin(id, .list)
        beginList(of: .structure, count: elements.count)
        for element in elements { structure { fields(element, &$0) } }
    }

    private mutating func begin(_ id: Int16, _ type: FieldType) {
        let step = id - (last.last ?? 0)
        precondition((1...15).contains(step), "fields come in rising order")
        bytes.append(UInt8(step) << 4 | type.rawValue)
        last[last.count - 1] = id
    }

    private mutating func beginList(of type: FieldType, count: Int) {
        if count < 15 {
            bytes.append(UInt8(count) << 4 | type.rawValue)
        } else {
            bytes.append(0xF0 | type.rawValue)
            bytes.appendVarint(UInt64(count))
        }
    }

    private mutating func append(_ text: String) {
        bytes.appendVarint(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func appendZigzag(_ value: Int64) {
        bytes.appendVarint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }
}
