/// A JSON value that remembers the order of its keys and where it stood in the text.
///
/// Order matters to Octo (tokens are laid out in the order of the tokenizer map) and positions matter to people (an
/// error names line and column); Foundation's parsers keep neither.
package struct JSONNode: Sendable {
    /// What JSON knows: values, lists and objects.
    package indirect enum Value: Sendable {
        case null
        case bool(Bool)
        /// The number as it was written; `double` and `int` read it.
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([Member])
    }
    /// One member of an object, with where its key stands.
    package struct Member: Sendable {
        package var key: String
        package var value: JSONNode

        package init(key: String, value: JSONNode) {
            self.key = key
            self.value = value
        }
    }

    package var value: Value
    /// Line and column (1-based) of the first character; 0 for values made in code.
    package var line: Int
    /// Column of the first character, from 1; 0 for values made in code.
    package var column: Int

    package init(_ value: Value, line: Int = 0, column: Int = 0) {
        self.value = value
        self.line = line
        self.column = column
    }
}

extension JSONNode {
    package var isNull: Bool { if case .null = value { true } else { false } }
    package var bool: Bool? { if case .bool(let b) = value { b } else { nil } }
    package var string: String? { if case .string(let s) = value { s } else { nil } }
    /// A finite number; what is too large for a double (`1e999`) is none.
    package var double: Double? {
        guard case .number(let text) = value, let number = Double(text), number.isFinite else { return nil }
        return number
    }
    /// A number without a fractional part, also when written `4.0` or `4e0`.
    package var int: Int? {
        guard case .number(let text) = value else { return nil }
        return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }
    package var array: [JSONNode]? { if case .array(let elements) = value { elements } else { nil } }
    package var object: [Member]? { if case .object(let members) = value { members } else { nil } }
    package subscript(key: String) -> JSONNode? { object?.last { $0.key == key }?.value }

    /// The object with this member, in the place of the one it had or at the end.
    package func with(_ key: String, _ value: JSONNode) -> JSONNode {
        var members = object ?? []
        if let place = members.lastIndex(where: { $0.key == key }) {
            members[place].value = value
        } else {
            members.append(Member(key: key, value: value))
        }
        return JSONNode(.object(members), line: line, column: column)
    }

    /// The kind of value in words, for error messages: "a string", "an object".
    package var kind: String {
        switch value {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as it was written where it is short, else its kind: for error messages.
    package var brief: String {
        switch value {
        case .null, .bool, .number: text()
        case .string(let text): text.count <= 60 ? self.text() : kind
        case .array(let elements): elements.count <= 8 && !elements.contains { $0.isCompound } ? text() : kind
        case .object: kind
        }
    }

    private var isCompound: Bool {
        switch value {
        case .array, .object: true
        case .null, .bool, .number, .string: false
        }
    }
}

extension JSONNode: Equatable {
    /// Compares content and order; positions in the text do not count.
    package static func == (a: JSONNode, b: JSONNode) -> Bool {
        switch (a.value, b.value) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y || (Double(x) != nil && Double(x) == Double(y))
        case (.string(let x), .string(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)):
            x.count == y.count && zip(x, y).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }
}

extension JSONNode: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self.init(.string(value)) }
    package init(booleanLiteral value: Bool) { self.init(.bool(value)) }
    package init(integerLiteral value: Int) { self.init(.number(String(value))) }
    package init(floatLiteral value: Double) { self.init(number: value) }
    package init(arrayLiteral elements: JSONNode...) { self.init(.array(elements)) }
    /// An object with its members in the order given.
    package static func object(_ members: KeyValuePairs<String, JSONNode>) -> JSONNode {
        JSONNode(.object(members.map { Member(key: $0.key, value: $0.value) }))
    }
    package init(nilLiteral: ()) { self.init(.null) }

    /// Makes a number; NaN and infinity, which JSON does not have, become null.
    package init(number: Double) {
        if !number.isFinite {
            self.init(.null)
        } else if let whole = Int(exactly: number), abs(number) < 1e15 {
            self.init(.number(String(whole)))
        } else {
            self.init(.number(String(number)))
        }
    }
    package init(_ text: String) { self.init(.string(text)) }
    package init(_ number: Int) { self.init(.number(String(number))) }
    package init(_ number: Int64) { self.init(.number(String(number))) }
}
