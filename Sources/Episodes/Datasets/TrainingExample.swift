import Files
import ProtobufFields

/// A `tf.train.Example`: named lists of byte strings, floats or integers, as TensorFlow's data loaders read them.
///
/// The protobuf bytes are written here: field 1 is the map; each entry has 1 the name, 2 the feature; a feature has one
/// of 1 bytes_list, 2 float_list, 3 int64_list, each with a repeated field 1. Source: the RLDS layout as TFDS 4.9 reads
/// it.
package struct TrainingExample: Equatable, Sendable {
    /// The values of a feature; an example has lists of one of three types.
    package enum Feature: Equatable, Sendable {
        case bytes([[UInt8]])
        case floats([Float])
        case integers([Int64])
        /// The feature is named without a list: readers take it for missing.
        case unset

        /// The kind of feature in words, for error messages.
        package var kind: String {
            switch self {
            case .bytes(let list): "\(list.count) byte strings"
            case .floats(let list): "\(list.count) floats"
            case .integers(let list): "\(list.count) integers"
            case .unset: "an empty feature"
            }
        }
    }

    /// A feature with its name.
    package struct Entry: Equatable, Sendable {
        package let name: String
        package let feature: Feature
    }

    /// Features in the order of insertion, which is the order of the bytes; names are unique.
    package private(set) var entries: [Entry] = []
    private var places: [String: Int] = [:]

    package init() {}

    package init(_ features: KeyValuePairs<String, Feature>) {
        for (name, feature) in features { self[name] = feature }
    }

    /// The feature of this name; setting one that is there keeps its place.
    package subscript(name: String) -> Feature? {
        get { places[name].map { entries[$0].feature } }
        set {
            guard let newValue else {
                guard let place = places.removeValue(forKey: name) else { return }
                entries.remove(at: place)
                for (index, entry) in entries.enumerated().dropFirst(place) { places[entry.name] = index }
                return
            }
            let entry = Entry(name: name, feature: newValue)
            if let place = places[name] {
                entries[place] = entry
            } else {
                places[name] = entries.count
                entries.append(entry)
            }
        }
    }

    /// Encodes the example as protobuf.
    package func encoded() -> [UInt8] {
        let sizes = entries.map { EntrySize(of: $0) }
        let map = sizes.reduce(0) { $0 + ProtobufSize.field(ofLength: $1.entry) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ProtobufSize.field(ofLength: map))
        bytes.appendField(1, length: map)
        for (entry, size) in zip(entries, sizes) {
            bytes.appendField(1, length: size.entry)
            bytes.appendField(1, length: entry.name.utf8.count)
            bytes += entry.name.utf8
            bytes.appendField(2, length: size.feature)
            bytes.append(entry.feature, listSize: size.list)
        }
        return bytes
    }

    /// Bytes of an entry's nested messages, each without its own tag and length.
    private struct EntrySize {
        let list: Int
        let feature: Int
        let entry: Int

        init(of entry: Entry) {
            switch entry.feature {
            case .bytes(let strings): list = strings.reduce(0) { $0 + ProtobufSize.field(ofLength: $1.count) }
            case .floats(let values): list = values.isEmpty ? 0 : ProtobufSize.field(ofLength: 4 * values.count)
            case .integers(let values):
                list = values.isEmpty ? 0 : ProtobufSize.field(ofLength: ProtobufSize.packed(values))
            case .unset: list = 0
            }
            if case .unset = entry.feature { feature = 0 } else { feature = ProtobufSize.field(ofLength: list) }
            self.entry = ProtobufSize.field(ofLength: entry.name.utf8.count) + ProtobufSize.field(ofLength: feature)
        }
    }
}

private enum ProtobufSize {
    static func varint(_ value: UInt64) -> Int { max(1, (64 - value.leadingZeroBitCount + 6) / 7) }
    /// A field of one tag byte, its length and that many bytes.
    static func field(ofLength length: Int) -> Int { 1 + varint(UInt64(length)) + length }
    static func packed(_ values: [Int64]) -> Int { values.reduce(0) { $0 + varint(UInt64(bitPattern: $1)) } }
}

extension [UInt8] {
    /// The head of a length-delimited field, wire type 2.
    fileprivate mutating func appendField(_ number: UInt8, length: Int) {
        append(number << 3 | 2)
        appendVarint(UInt64(length))
    }

    fileprivate mutating func append(_ feature: TrainingExample.Feature, listSize: Int) {
        switch feature {
        case .bytes(let strings):
            appendField(1, length: listSize)
            for string in strings {
                appendField(1, length: string.count)
                append(contentsOf: string)
            }
        case .floats(let values):
            appendField(2, length: listSize)
            if values.isEmpty { return }
            appendField(1, length: 4 * values.count)
            for value in values { appendLittleEndian(value.bitPattern) }
        case .integers(let values):
            appendField(3, length: listSize)
            if values.isEmpty { return }
            appendField(1, length: ProtobufSize.packed(values))
            for value in values { appendVarint(UInt64(bitPattern: value)) }
        case .unset: break
        }
    }
}
