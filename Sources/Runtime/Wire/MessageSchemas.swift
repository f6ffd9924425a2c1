import SwiftProtobuf

/// What each message type is made of, for files that must be readable without this program.
package enum MessageSchemas {
    private static let files: [Google_Protobuf_FileDescriptorProto] = {
        let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: base64Decoded(descriptorSetBase64))
        return set?.file ?? []
    }()

    /// The names of all message types that have a descriptor at the top of a file, ascending.
    package static var names: [String] {
        files.flatMap { file in file.messageType.map { "\(file.package).\($0.name)" } }.sorted()
    }

    /// A serialised google.protobuf.FileDescriptorSet of the file that has the message and all that it imports, each
    /// after those it needs; nil for a name that is not known.
    /// - Parameter name: "octo.CameraFrame".
    package static func descriptorSet(of name: String) -> [UInt8]? {
        guard
            let file = files.first(where: { file in file.messageType.contains { "\(file.package).\($0.name)" == name } }
            )
        else { return nil }
        var needed: Set<String> = []
        var waiting = [file.name]
        while let next = waiting.popLast() {
            guard needed.insert(next).inserted else { continue }
            waiting += files.first { $0.name == next }?.dependency ?? []
        }
        var set = Google_Protobuf_FileDescriptorSet()
        set.file = files.filter { needed.contains($0.name) }
        return try? set.serializedBytes()
    }

    private static func base64Decoded(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: continue
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
