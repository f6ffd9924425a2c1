import Digests
import Files
import Images
import JSONTree
import Messages
import OctoModel
import Policy
import Time

/// What is said of goals and requests, in one place for both ends.
enum RemoteWords {
    static let goal = "goal"
    static let request = "request"
    static let chunk = "chunk"
    static let failed = "failed"
    /// The other machine lacks a picture that it was said to have.
    static let missing = "missing"
    /// A picture came out differently there: its camera's JPEG is not sent any more.
    static let unlike = "unlike"

    /// A hash as text, 16 digits.
    static func text(_ hash: UInt64) -> String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The name of a goal in a session: a hash of what the network is given of it.
    static func key(of goal: PolicyNodeCore.PreparedGoal) -> UInt64 {
        var bytes: [UInt8] = Array(goal.id.utf8) + [0]
        for (camera, image) in goal.images.sorted(by: { $0.key < $1.key }) {
            bytes += Array(camera.utf8) + [0] + little(image.pixels.xxh3)
        }
        if let text = goal.text {
            for id in text.ids { bytes += little(UInt64(bitPattern: Int64(id))) }
            bytes += text.attentionMask.map { $0 ? 1 : 0 }
        }
        for (name, numbers) in goal.taskNumbers.sorted(by: { $0.key < $1.key }) {
            bytes += Array(name.utf8) + [0] + floats(numbers)
        }
        return SharedBytes(copying: bytes).xxh3
    }

    private static func little(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// Numbers as IEEE 754 singles, little endian.
    static func floats(_ numbers: [Float]) -> [UInt8] {
        numbers.flatMap { number in
            let bits = number.bitPattern
            return (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
        }
    }

    /// Numbers of IEEE 754 singles, little endian; nil unless their bytes are whole.
    static func floats(_ bytes: SharedBytes) -> [Float]? {
        guard bytes.count.isMultiple(of: 4) else { return nil }
        return withExtendedLifetime(bytes) {
            (0..<bytes.count / 4).map {
                Float(
                    bitPattern: UInt32(littleEndian: bytes.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
                )
            }
        }
    }

    /// Numbers as JSON that come back bit for bit: `JSONNode(number:)` writes a negative zero as 0, which has another
    /// hash.
    static func node(_ numbers: [Float]) -> JSONNode {
        JSONNode(.array(numbers.map { $0.isZero ? JSONNode(.number("\($0)")) : JSONNode(number: Double($0)) }))
    }

    static func flags(_ flags: [Bool]) -> JSONNode { JSONNode(.array(flags.map { JSONNode(.bool($0)) })) }
}

// MARK: - Goals

extension RemoteWords {
    static func words(of goal: PolicyNodeCore.PreparedGoal, key: UInt64) -> (body: JSONNode, parts: [SharedBytes]) {
        let images = goal.images.sorted { $0.key < $1.key }
        var parts = images.map { $0.value.pixels }
        var members: [JSONNode.Member] = [
            .init(key: "t", value: JSONNode(Self.goal)), .init(key: "goal", value: JSONNode(text(key))),
            .init(key: "id", value: JSONNode(goal.id)),
            .init(key: "images", value: JSONNode(.array(images.map { .object(["camera": JSONNode($0.key)]) }))),
            .init(
                key: "numbers",
                value: JSONNode(
                    .object(
                        goal.taskNumbers.sorted { $0.key < $1.key }.map { name, numbers in
                            .init(key: name, value: Self.node(numbers))
                        }))),
        ]
        if let text = goal.text {
            members.append(
                .init(
                    key: "text",
                    value: .object([
                        "ids": JSONNode(.array(text.ids.map { JSONNode(Int($0)) })), "mask": flags(text.attentionMask),
                    ])))
        }
        if parts.isEmpty { parts = [] }
        return (JSONNode(.object(members)), parts)
    }

    /// Reads a goal.
    /// - Throws: `RemoteWordError`, also where its content is not what its key says.
    static func goal(
        _ body: JSONNode, _ parts: [SharedBytes], for configuration: PolicyConfiguration
    ) throws(RemoteWordError) -> (key: UInt64, goal: PolicyNodeCore.PreparedGoal) {
        let reader = WordReader(body)
        let views = try reader.list("images", most: configuration.cameras.count)
        guard parts.count == views.count else {
            throw RemoteWordError("images: \(parts.count) parts for \(views.count)")
        }
        var images: [String: RGBImage] = [:]
        for (view, pixels) in zip(views, parts) {
            let name = try view.text("camera")
            guard let camera = configuration.cameras.first(where: { $0.name == name && $0.takesGoal }),
                images[name] == nil
            else { throw RemoteWordError("images: '\(name)' takes no goal") }
            guard pixels.count == camera.width * camera.height * 3 else {
                throw RemoteWordError("images: \(pixels.count) bytes of \(name)")
            }
            images[name] = RGBImage(width: camera.width, height: camera.height, pixels: pixels)
        }
        var text: TokenizedText?
        if let words = try reader.part("text") {
            let ids = words.node["ids"]?.array?.compactMap { $0.int.flatMap(Int32.init(exactly:)) } ?? []
            guard (1...RemoteCheckpoint.Limit.tokens).contains(ids.count), words.node["ids"]?.array?.count == ids.count
            else { throw RemoteWordError("text.ids: no list of token ids") }
            text = TokenizedText(ids: ids, attentionMask: try words.flags("mask", exactly: ids.count))
        }
        let goal = PolicyNodeCore.PreparedGoal(
            id: try reader.text("id"), images: images, text: text,
            taskNumbers: try reader.numbersByKey("numbers", most: RemoteCheckpoint.Limit.numbers))
        let key = try reader.hash("goal")
        guard key == Self.key(of: goal) else { throw RemoteWordError("goal: its content has another hash") }
        return (key, goal)
    }
}
