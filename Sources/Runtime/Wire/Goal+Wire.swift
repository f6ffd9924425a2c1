import Images
import Messages

extension Goal: WireMessage {
    package static let schemaName = "octo.Goal"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_Goal()
        proto.id = id
        proto.name = name
        proto.source = source
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
            id: proto.id, name: proto.name, views: views, text: proto.hasText ? proto.text : nil, source: proto.source)
    }

    private static func validate(_ proto: Octo_Goal, bulkCount: Int) throws(WireError) {
        try check.name(proto.id, "id")
        try check.name(proto.name, "name")
        try check.text(proto.text, "text")
        try check.text(proto.source, "source")
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
