import Files
import Foundation
import Images
import JSONTree

/// Just enough of the safetensors format to read fixtures: the length of a JSON header, the header, the tensors.
struct Safetensors {
    private let bytes: [UInt8]
    private let header: JSONNode
    private let start: Int

    struct Problem: Error { let text: String }

    init(_ url: URL) throws {
        bytes = Array(try Data(contentsOf: url))
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        header = try JSONNode(parsing: bytes[8..<8 + length])
        start = 8 + length
    }

    /// A tensor's shape and bytes.
    private func tensor(_ name: String) throws -> (shape: [Int], bytes: [UInt8]) {
        guard let shape = header[name]?["shape"]?.array?.compactMap(\.int),
            let range = header[name]?["data_offsets"]?.array?.compactMap(\.int), range.count == 2
        else { throw Problem(text: "no tensor '\(name)'") }
        return (shape, Array(bytes[start + range[0]..<start + range[1]]))
    }

    /// A uint8 tensor of shape `[height, width, 3]`.
    func picture(_ name: String) throws -> RGBImage {
        let (shape, bytes) = try tensor(name)
        return RGBImage(width: shape[1], height: shape[0], pixels: SharedBytes(copying: bytes))
    }

    func floats(_ name: String) throws -> [Float] {
        try tensor(name).bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: 4).map { raw.loadUnaligned(fromByteOffset: $0, as: Float.self) }
        }
    }
}
