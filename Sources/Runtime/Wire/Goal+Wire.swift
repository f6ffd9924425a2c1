import Files
import Images
import Messages

extension Goal: WireMessage {
    package static let schemaName = "octo.Goal"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_Goal()
        proto.id = id
        proto.name = name
        if let from = origin.encoded { proto.origin = from }
        proto.taskNumbers = [Octo_TaskNumbers](taskNumbers)
        if let text { proto.text = text }
        for view in views {
            var entry = Octo_Goal.View()
            entry.camera = view.camera
            entry.widthPx = try Self.check.small(view.image.width, "width_px")
            entry.heightPx = try Self.check.small(view.image.height, "height_px")
            proto.views.append(entry)
        }
        let bulk = SharedBytes.joining(views.map(\.image.pixels))
        try Self.validate(proto, bulkCount: bulk?.count ?? 0)
        return try Self.encode(proto, bulk: bulk)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        let proto = try Self.parse(Octo_Goal.self, from: body)
        try Self.validate(proto, bulkCount: bulk?.count ?? 0)
        var views: [View] = []
        var offset = 0
        for entry in proto.views {
            guard let bulk else { break }  // validated: views have pixels
            views.append(
                View(
                    camera: entry.camera,
                    image: RGBImage(
                        width: Int(entry.widthPx), height: Int(entry.heightPx),
                        pixels: bulk.slice(offset..<offset + entry.byteCount))))
            offset += entry.byteCount
        }
        self.init(
            id: proto.id, name: proto.name, views: views, text: proto.hasText ? proto.text : nil,
            taskNumbers: proto.taskNumbers.byKey, origin: try Self.origin(proto))
    }

    private static func origin(_ proto: Octo_Goal) throws(WireError) -> Origin {
        let origin = proto.origin
        switch (origin.kind, origin.paths.count) {
        case ("", 0): return .unknown
        case ("text", 0): return .text
        case ("images", _): return .images(paths: origin.paths)
        case ("episode", 1): return .episode(path: origin.paths[0], frame: Int(origin.frame))
        case ("library", 1): return .library(folder: origin.paths[0])
        case ("simulation", 0): return .simulation
        default:
            throw check.failure(
                "origin", found: "'\(origin.kind.prefix(40))' of \(origin.paths.count) paths",
                expected: "text, images, episode, library or simulation, with the paths that it has")
        }
    }

    private static func validate(_ proto: Octo_Goal, bulkCount: Int) throws(WireError) {
        try check.name(proto.id, "id")
        try check.name(proto.name, "name")
        try check.text(proto.text, "text")
        try check.count(proto.origin.paths.count, atMost: FieldCheck.mostViews, "origin.paths")
        for path in proto.origin.paths { try check.text(path, "origin.paths") }
        try check.taskNumbers(proto.taskNumbers)
        try check.count(proto.views.count, atMost: FieldCheck.mostViews, "views")
        for view in proto.views {
            try check.name(view.camera, "camera")
            try check.imageSize(width: Int(view.widthPx), height: Int(view.heightPx), "the view of '\(view.camera)'")
        }
        try check.ascending(proto.views.map(\.camera))
        try check.bulk(
            bulkCount, is: proto.views.reduce(0) { $0 + $1.byteCount }, because: "\(proto.views.count) views")
    }
}

extension Octo_Goal.View {
    /// Bytes of `rgb8` pixels; only once the sides are checked.
    fileprivate var byteCount: Int { Int(widthPx) * Int(heightPx) * 3 }
}

extension Goal.Origin {
    /// The origin in the message's words.
    /// - Returns: nil for an unknown origin.
    fileprivate var encoded: Octo_Goal.Origin? {
        var proto = Octo_Goal.Origin()
        switch self {
        case .unknown: return nil
        case .text: proto.kind = "text"
        case .simulation: proto.kind = "simulation"
        case .images(let paths): (proto.kind, proto.paths) = ("images", paths)
        case .library(let folder): (proto.kind, proto.paths) = ("library", [folder])
        case .episode(let path, let frame):
            (proto.kind, proto.paths, proto.frame) = ("episode", [path], Int32(clamping: frame))
        }
        return proto
    }
}

extension [Octo_TaskNumbers] {
    init(_ numbers: [String: [Float]]) {
        self = numbers.sorted { $0.key < $1.key }.map { key, values in
            var proto = Octo_TaskNumbers()
            (proto.key, proto.values) = (key, values)
            return proto
        }
    }

    /// The numbers by key; to be used only once the keys are checked.
    var byKey: [String: [Float]] { reduce(into: [:]) { $0[$1.key] = $1.values } }
}

extension FieldCheck {
    func taskNumbers(_ numbers: [Octo_TaskNumbers]) throws(WireError) {
        try count(numbers.count, atMost: Self.mostViews, "task_numbers")
        for entry in numbers {
            try name(entry.key, "task_numbers.key")
            try require(!entry.key.isEmpty, "task_numbers.key", found: "an empty string", expected: "a name")
            try require(
                (1...Self.mostNumbers).contains(entry.values.count) && entry.values.allSatisfy(\.isFinite),
                "task_numbers.\(entry.key)", found: "\(entry.values.count) numbers",
                expected: "1...\(Self.mostNumbers) finite ones")
        }
        for (former, latter) in zip(numbers, numbers.dropFirst()) {
            try require(
                former.key < latter.key, "the order of task_numbers", found: "'\(former.key)' before '\(latter.key)'",
                expected: "ascending keys, each once")
        }
    }
}
