import Files
import Images
import Messages
import Time

extension PolicyObservation: WireMessage {
    package static let schemaName = "octo.PolicyObservation"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_PolicyObservation()
        proto.tick = tick
        proto.timeNs = time.nanoseconds
        proto.goalID = goalID
        proto.timestepPadMask = timestepPadMask
        if let proprio {
            proto.proprio.values = proprio.values
            proto.proprio.beforeNs = proprio.before.nanoseconds
            proto.proprio.afterNs = proprio.after.nanoseconds
        }
        for view in views {
            var entry = Octo_PolicyObservation.View()
            entry.camera = view.camera
            entry.widthPx = try Self.check.small(view.width, "width_px")
            entry.heightPx = try Self.check.small(view.height, "height_px")
            entry.captureNs = view.captureTime.nanoseconds
            entry.padMask = view.padMask
            proto.views.append(entry)
        }
        try Self.validate(proto, bulkCount: views.reduce(0) { $0 + $1.pixels.count })
        for (view, entry) in zip(views, proto.views) {
            // The sum alone would let pixels slip from one view into the next.
            try Self.check.require(
                view.pixels.count == entry.byteCount(window: timestepPadMask.count), "pixels of '\(view.camera)'",
                found: "\(view.pixels.count) bytes", expected: "window × height × width × 3")
        }
        return try Self.encode(proto, bulk: SharedBytes.joining(views.map(\.pixels)))
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        let proto = try Self.parse(Octo_PolicyObservation.self, from: body)
        try Self.validate(proto, bulkCount: bulk?.count ?? 0)
        var views: [View] = []
        var offset = 0
        for entry in proto.views {
            guard let bulk else { break }  // validated: views have pixels
            let count = entry.byteCount(window: proto.timestepPadMask.count)
            views.append(
                View(
                    camera: entry.camera, width: Int(entry.widthPx), height: Int(entry.heightPx),
                    pixels: bulk.slice(offset..<offset + count),
                    captureTime: MonotonicTime(nanoseconds: entry.captureNs), padMask: entry.padMask))
            offset += count
        }
        self.init(
            tick: proto.tick, time: MonotonicTime(nanoseconds: proto.timeNs), goalID: proto.goalID, views: views,
            timestepPadMask: proto.timestepPadMask,
            proprio: proto.hasProprio
                ? Proprio(
                    values: proto.proprio.values, before: MonotonicTime(nanoseconds: proto.proprio.beforeNs),
                    after: MonotonicTime(nanoseconds: proto.proprio.afterNs)) : nil)
    }

    private static func validate(_ proto: Octo_PolicyObservation, bulkCount: Int) throws(WireError) {
        let window = proto.timestepPadMask.count
        try check.time(proto.timeNs, "time_ns")
        try check.name(proto.goalID, "goal_id")
        try check.require(
            (1...FieldCheck.longestWindow).contains(window), "the length of timestep_pad_mask", found: "\(window)",
            expected: "1...\(FieldCheck.longestWindow)")
        if proto.hasProprio {
            let read = proto.proprio
            try check.time(read.beforeNs, "proprio.before_ns")
            try check.time(read.afterNs, "proprio.after_ns")
            try check.require(
                !read.values.isEmpty && read.values.count.isMultiple(of: window)
                    && read.values.count <= window * FieldCheck.mostNumbers, "the length of proprio.values",
                found: "\(read.values.count)", expected: "1...\(FieldCheck.mostNumbers) for each of \(window) timesteps"
            )
        }
        try check.count(proto.views.count, atMost: FieldCheck.mostViews, "views")
        for view in proto.views {
            try check.name(view.camera, "camera")
            try check.time(view.captureNs, "capture_ns")
            try check.require(
                view.padMask.isEmpty || view.padMask.count == window, "the length of pad_mask of '\(view.camera)'",
                found: "\(view.padMask.count)", expected: "0 or \(window)")
            try check.imageSize(width: Int(view.widthPx), height: Int(view.heightPx), "the view of '\(view.camera)'")
        }
        try check.ascending(proto.views.map(\.camera))
        try check.bulk(
            bulkCount, is: proto.views.reduce(0) { $0 + $1.byteCount(window: window) },
            because: "\(proto.views.count) views of a window of \(window)")
    }
}

extension Octo_PolicyObservation.View {
    /// Bytes of `rgb8` pixels of all timesteps; only once the sides and the window are checked.
    fileprivate func byteCount(window: Int) -> Int { window * Int(widthPx) * Int(heightPx) * 3 }
}
