import Files
import Foundation
import Images
import Messages
import SwiftProtobuf
import TestSupport
import Testing
import Time
import Wire

/// What recordings carry: descriptors true to the schema files, and messages that come back as they were.
@Suite struct RecordedMessageTests {
    private func envelope(_ schema: String) -> Envelope {
        Envelope(
            schema: schema, sequence: 7, captureTime: MonotonicTime(nanoseconds: 5),
            publishTime: MonotonicTime(nanoseconds: 9),
            sourceNode: "camera", instanceID: 3, runID: "run", traceID: 0, hostID: "host")
    }

    private func frame(_ pixels: CameraFrame.Pixels) -> CameraFrame {
        CameraFrame(
            camera: "primary", deviceID: "test", sequence: 4, captureTime: MonotonicTime(nanoseconds: 1_000_000_005),
            pixels: pixels, contentHash: 99)
    }

    private func comesBack(_ message: RecordedMessage, _ body: [UInt8], _ bulk: SharedBytes?, _ schema: String) throws {
        let opened = try message.opened()
        #expect(opened.envelope == envelope(schema) && opened.body == body)
        #expect(opened.bulk.map { Array($0.bytes) } == bulk.map { Array($0.bytes) })
    }

    @Test func aMessageWithoutBulkIsItsOwnBodyWithTheEnvelopeBehindIt() throws {
        let command = EpisodeCommand(id: 1, operatorID: "me", action: .start, text: "a", time: .zero)
        let body = try command.encoded().body
        let recorded = try RecordedMessage(envelope: envelope("octo.EpisodeCommand"), body: body, bulk: nil)
        #expect(recorded.schema == "octo.EpisodeCommand" && recorded.data.starts(with: body))
        try comesBack(recorded, body, nil, "octo.EpisodeCommand")
        // Who knows the schema alone reads the fields.
        #expect(try recorded.data.withUnsafeBytes { try EpisodeCommand(body: $0, bulk: nil) } == command)
    }

    @Test func anEmptyBodyAndUnknownTypesComeBackToo() throws {
        for bulk in [nil, SharedBytes(copying: [1, 2, 3])] {
            let recorded = try RecordedMessage(envelope: envelope("other.Thing"), body: [], bulk: bulk)
            try comesBack(recorded, [], bulk, "other.Thing")
        }
    }

    @Test func aFrameOfPixelsIsARawImageOfFoxglove() throws {
        let pixels = SharedBytes(copying: (0..<12).map { UInt8($0) })
        let encoded = try frame(.rgb8(RGBImage(width: 2, height: 2, pixels: pixels))).encoded()
        let recorded = try RecordedMessage(
            envelope: envelope("octo.CameraFrame"), body: encoded.body, bulk: encoded.bulk)
        #expect(recorded.schema == "foxglove.RawImage")
        try comesBack(recorded, encoded.body, encoded.bulk, "octo.CameraFrame")
        let fields = try fields(of: recorded)
        #expect(fields[6] == Array(0..<12) && fields[4] == Array("rgb8".utf8) && fields[7] == Array("primary".utf8))
    }

    /// Any viewer shows it, and it is the same message again: a picture of any size, and noise, which does not get
    /// smaller.
    @Test(arguments: [(256, 192, false), (1, 1, false), (3, 50, false), (65, 7, true)])
    func aPackedFrameIsAPictureFileWithTheSamePixels(width: Int, height: Int, isNoise: Bool) throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let pixels = (0..<width * height * 3).map { place in
            isNoise
                ? UInt8.random(in: 0...255, using: &generator)
                : UInt8(truncatingIfNeeded: place / 3 % width + Int.random(in: 0...3, using: &generator))
        }
        let image = RGBImage(width: width, height: height, pixels: SharedBytes(copying: pixels))
        let encoded = try frame(.rgb8(image)).encoded()
        let recorded = try RecordedMessage(
            envelope: envelope("octo.CameraFrame"), body: encoded.body, bulk: encoded.bulk, packsFrames: true)
        try comesBack(recorded, encoded.body, encoded.bulk, "octo.CameraFrame")
        #expect(recorded.rawFrameByteCount == width * height * 3)
        let isPacked = recorded.schema == "foxglove.CompressedImage"
        #expect(isPacked == (!isNoise && width > 1), "seed \(seed)")
        guard isPacked else { return }
        let fields = try fields(of: recorded)
        #expect(fields[3] == Array("png".utf8) && (width < 256 || recorded.data.count < pixels.count / 2))
        #expect(try RGBImage(decoding: SharedBytes(copying: fields[2] ?? []), source: "the record") == image)
    }

    /// What says that it has other pixels than are there is kept as it came.
    @Test func aFrameOfAnotherSizeThanItSaysIsNotPacked() throws {
        let image = RGBImage(width: 64, height: 64, filledWith: 9)
        let encoded = try frame(.rgb8(image)).encoded()
        let less = SharedBytes(copying: encoded.bulk?.bytes.dropLast(3) ?? [])
        let recorded = try RecordedMessage(
            envelope: envelope("octo.CameraFrame"), body: encoded.body, bulk: less, packsFrames: true)
        #expect(recorded.schema == "foxglove.RawImage")
        try comesBack(recorded, encoded.body, less, "octo.CameraFrame")
    }

    @Test func aFrameOfJPEGIsACompressedImageOfFoxgloveWithTheSameBytes() throws {
        let file = SharedBytes(copying: [0xFF, 0xD8, 1, 2, 3, 0xFF, 0xD9])
        let encoded = try frame(.jpeg(file, width: 640, height: 480)).encoded()
        let recorded = try RecordedMessage(
            envelope: envelope("octo.CameraFrame"), body: encoded.body, bulk: encoded.bulk)
        #expect(recorded.schema == "foxglove.CompressedImage")
        try comesBack(recorded, encoded.body, file, "octo.CameraFrame")
        let fields = try fields(of: recorded)
        #expect(fields[2] == Array(file.bytes) && fields[3] == Array("jpeg".utf8) && fields[4] == Array("primary".utf8))
        // 1 s and 5 ns, as protobuf has them.
        #expect(fields[1] == [0x08, 0x01, 0x10, 0x05])
    }

    @Test func anEventIsALineOfFoxglovesLog() throws {
        let event = RunEvent(
            node: "policy", kind: .policyHeld, subject: "cup", text: "camera moved 7 px right",
            time: MonotonicTime(nanoseconds: 1_000_000_005))
        let encoded = try event.encoded()
        let recorded = try RecordedMessage(envelope: envelope("octo.RunEvent"), body: encoded.body, bulk: nil)
        #expect(recorded.schema == "foxglove.Log")
        try comesBack(recorded, encoded.body, nil, "octo.RunEvent")
        let fields = try fields(of: recorded)
        #expect(fields[1] == [0x08, 0x01, 0x10, 0x05] && fields[3] == Array("camera moved 7 px right".utf8))
        #expect(fields[4] == Array("policy".utf8))
        // What is no event is kept as it came.
        let other = try RecordedMessage(envelope: envelope("octo.RunEvent"), body: [], bulk: nil)
        #expect(other.schema == "octo.RunEvent")
        try comesBack(other, [], nil, "octo.RunEvent")
    }

    /// The fields of bytes, by number; of well-formed data.
    private func fields(of recorded: RecordedMessage) throws -> [UInt64: [UInt8]] {
        var fields: [UInt64: [UInt8]] = [:]
        var rest = recorded.data[...]
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            throw WireError.malformed(schema: recorded.schema, byteCount: recorded.data.count)
        }
        while !rest.isEmpty {
            let tag = try varint()
            switch tag & 7 {
            case 0: _ = try varint()
            case 1: rest = rest.dropFirst(8)
            case 5: rest = rest.dropFirst(4)
            default:
                let count = Int(try varint())
                fields[tag >> 3] = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
        }
        return fields
    }

    @Test func damagedRecordsAreRefusedWithoutATrap() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let encoded = try frame(.jpeg(SharedBytes(copying: [1, 2, 3]), width: 4, height: 4)).encoded()
        let picture = try frame(.rgb8(RGBImage(width: 32, height: 32, filledWith: 3))).encoded()
        let jpeg = try RecordedMessage(envelope: envelope("octo.CameraFrame"), body: encoded.body, bulk: encoded.bulk)
        let png = try RecordedMessage(
            envelope: envelope("octo.CameraFrame"), body: picture.body, bulk: picture.bulk, packsFrames: true)
        for round in 0..<20_000 {
            var damaged = round % 2 == 0 ? jpeg : png
            let place = Int.random(in: damaged.data.indices, using: &generator)
            if Bool.random(using: &generator) {
                damaged.data[place] = UInt8.random(in: 0...255, using: &generator)
            } else {
                damaged.data.removeLast(damaged.data.count - place)
            }
            _ = try? damaged.opened()
        }
        #expect(throws: WireError.self) { try RecordedMessage(schema: "octo.ArmState", data: []).opened() }
    }

    // MARK: Descriptors

    @Test func everyMessageTypeOfTheBusHasADescriptorSet() throws {
        for name in MessageCatalogue.schemaNames + ["foxglove.RawImage", "foxglove.CompressedImage", "foxglove.Log"] {
            let bytes = try #require(MessageSchemas.descriptorSet(of: name), "\(name)")
            let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes)
            var known: Set<String> = []
            for file in set.file {
                #expect(known.isSuperset(of: file.dependency), "\(name): \(file.name) stands before what it imports")
                known.insert(file.name)
            }
            #expect(
                set.file.last?.messageType.contains { "\(set.file.last?.package ?? "").\($0.name)" == name } == true)
        }
        #expect(MessageSchemas.descriptorSet(of: "octo.Nothing") == nil)
    }

    /// The names and numbers of all fields and enumeration values, as `generate.sh` must have found them.
    @Test func descriptorsAreThoseOfTheSchemaFiles() throws {
        let folder = Fixture.packageRoot.appendingPathComponent("Sources/Runtime/Wire/Protos")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var checked = 0
        for case let url as URL in files where url.pathExtension == "proto" {
            let path = String(url.path.dropFirst(folder.path.count + 1))
            var written: [String] = []
            for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
                let code = line.prefix { $0 != "/" }.trimmingCharacters(in: .whitespaces)
                guard code.hasSuffix(";"), !code.hasPrefix("syntax"), !code.hasPrefix("package"),
                    !code.hasPrefix("import"),
                    !code.hasPrefix("reserved"), !code.hasPrefix("option ")
                else { continue }
                let sides = code.dropLast().components(separatedBy: "=").map { $0.trimmingCharacters(in: .whitespaces) }
                guard sides.count == 2, let name = sides[0].split(separator: " ").last else { continue }
                written.append("\(name)=\(sides[1].prefix { $0 != " " })")
            }
            let name = try #require(
                MessageSchemas.names.first { name in
                    MessageSchemas.descriptorSet(of: name).flatMap {
                        try? Google_Protobuf_FileDescriptorSet(serializedBytes: $0)
                    }?
                    .file.last?.name == path
                }, "\(path) is not in the descriptors: run generate.sh")
            let set = try Google_Protobuf_FileDescriptorSet(
                serializedBytes: try #require(MessageSchemas.descriptorSet(of: name)))
            let file = try #require(set.file.last)
            let described = file.messageType.flatMap { Self.entries($0) } + file.enumType.flatMap { Self.entries($0) }
            #expect(described.sorted() == written.sorted(), "\(path): run generate.sh")
            checked += written.count
        }
        #expect(checked > 100)
    }

    private static func entries(_ type: Google_Protobuf_DescriptorProto) -> [String] {
        type.field.map { "\($0.name)=\($0.number)" } + type.nestedType.flatMap { entries($0) }
            + type.enumType.flatMap { entries($0) }
    }
    private static func entries(_ type: Google_Protobuf_EnumDescriptorProto) -> [String] {
        type.value.map { "\($0.name)=\($0.number)" }
    }
}
