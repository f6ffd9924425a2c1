import Foundation
import JSONTree

/// Why a safetensors file cannot be used.
package enum SafetensorsError: Error, Equatable {
    case unreadable(file: String, reason: String)
    case damaged(file: String, problem: String)
    case noSuchTensor(file: String, name: String)
    case wrongType(file: String, name: String, found: String, expected: String)
}

extension SafetensorsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "reading '\(file)': \(reason); expected a readable safetensors file. Check the path and its permissions."
        case .damaged(let file, let problem):
            "reading '\(file)': \(problem); expected a safetensors file. Copy it again, or make it again."
        case .noSuchTensor(let file, let name):
            "reading '\(file)': found no tensor '\(name)', expected one. Use a file recorded by the script that "
                + "writes it."
        case .wrongType(let file, let name, let found, let expected):
            "reading '\(file)': tensor '\(name)' holds \(found), expected \(expected). Record the file again in that "
                + "type."
        }
    }
}

/// Named tensors in one file: the length of a JSON header (8 bytes, little endian), the header, the bytes
/// (huggingface/safetensors, format description in its README).
package struct SafetensorsFile: Sendable {
    /// A tensor's shape and type, and where its bytes lie.
    package struct Tensor: Equatable, Sendable {
        package var shape: [Int]
        /// Type of the numbers as written in the header: F32, F64, I32, U8, …
        package var elementType: String
        /// Range of its bytes in the file.
        fileprivate var bytes: Range<Int>
    }

    package let file: String
    /// Names of the tensors, in the order of the header.
    package let names: [String]
    private let tensors: [String: Tensor]
    private let bytes: Data

    package init(path: String) throws(SafetensorsError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw .unreadable(file: path, reason: "it cannot be opened (\(error.localizedDescription))")
        }
        try self.init(data, file: path)
    }

    /// Reads the header of a file and checks it.
    /// - Parameters:
    ///   - bytes: content of the whole file.
    ///   - file: name of the file, for errors.
    package init(_ bytes: Data, file: String) throws(SafetensorsError) {
        let bytes = bytes.startIndex == 0 ? bytes : Data(bytes)
        guard bytes.count >= 8 else { throw .damaged(file: file, problem: "it has only \(bytes.count) bytes") }
        let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(bytes.count - 8) else {
            throw .damaged(file: file, problem: "its header should have \(length) bytes, the file has \(bytes.count)")
        }
        let dataStart = 8 + Int(length)
        let header: JSONNode
        do throws(JSONSyntaxError) {
            header = try JSONNode(parsing: bytes[8..<dataStart], maximumDepth: 8)
        } catch {
            throw .damaged(file: file, problem: "its header is not JSON (\(error))")
        }
        guard let members = header.object else {
            throw .damaged(file: file, problem: "its header is \(header.kind) instead of an object")
        }
        var names: [String] = []
        var tensors: [String: Tensor] = [:]
        for member in members where member.key != "__metadata__" {
            guard let tensor = Self.tensor(member.value, dataStart: dataStart, end: bytes.count) else {
                throw .damaged(file: file, problem: "the header's entry for '\(member.key)' does not fit the file")
            }
            names.append(member.key)
            tensors[member.key] = tensor
        }
        self.file = file
        self.names = names
        self.tensors = tensors
        self.bytes = bytes
    }

    private static let elementSizes = [
        "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
        "U8": 1, "BOOL": 1,
    ]

    private static func tensor(_ node: JSONNode, dataStart: Int, end: Int) -> Tensor? {
        guard let type = node["dtype"]?.string, let size = elementSizes[type],
            let shape = node["shape"]?.array?.map(\.int), let offsets = node["data_offsets"]?.array?.map(\.int),
            offsets.count == 2, let from = offsets[0], let to = offsets[1], from >= 0, to >= from, to <= end - dataStart
        else { return nil }
        var count = size
        var dimensions: [Int] = []
        for dimension in shape {
            guard let dimension, dimension >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            count = product
            dimensions.append(dimension)
        }
        guard count == to - from else { return nil }
        return Tensor(shape: dimensions, elementType: type, bytes: dataStart + from..<dataStart + to)
    }

    package subscript(name: String) -> Tensor? { tensors[name] }

    /// The shape of a tensor.
    package func shape(_ name: String) throws(SafetensorsError) -> [Int] { try tensor(name).shape }
    /// Reads a tensor of F32.
    package func floats(_ name: String) throws(SafetensorsError) -> [Float] { try values(name, "F32") }
    /// Reads a tensor of F64.
    package func doubles(_ name: String) throws(SafetensorsError) -> [Double] { try values(name, "F64") }
    /// Reads a tensor of I32.
    package func int32(_ name: String) throws(SafetensorsError) -> [Int32] { try values(name, "I32") }
    /// Reads a tensor of bytes, or of Booleans as 0 and 1.
    package func uint8(_ name: String) throws(SafetensorsError) -> [UInt8] {
        try values(name, tensors[name]?.elementType == "BOOL" ? "BOOL" : "U8")
    }

    private func tensor(_ name: String) throws(SafetensorsError) -> Tensor {
        guard let tensor = tensors[name] else { throw .noSuchTensor(file: file, name: name) }
        return tensor
    }

    /// Reads numbers as they lie there: all platforms this runs on are little endian, like the file.
    private func values<Element: BitwiseCopyable>(
        _ name: String, _ type: String
    ) throws(SafetensorsError) -> [Element] {
        let tensor = try tensor(name)
        guard tensor.elementType == type else {
            throw .wrongType(file: file, name: name, found: tensor.elementType, expected: type)
        }
        return bytes.withUnsafeBytes { raw in
            let source = UnsafeRawBufferPointer(rebasing: raw[tensor.bytes])
            let count = source.count / MemoryLayout<Element>.stride
            return [Element](unsafeUninitializedCapacity: count) { target, initialized in
                UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
                initialized = count
            }
        }
    }
}
