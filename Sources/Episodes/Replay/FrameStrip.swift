import Files
import Images
import Messages
import Recording
import Time
import Wire

/// Strip of pictures: what cameras saw in an episode, or what the network was given.
package struct FrameStrip {
    /// Which pictures are shown.
    package struct Options: Equatable, Sendable {
        /// Names of the cameras that are shown; nil: all.
        package var cameras: Set<String>?
        /// Step between the pictures of a camera that are shown: every nth, from the first on.
        package var every: Int
        /// Start of the strip, after the episode's first message.
        package var from: Duration
        package var to: Duration?
        /// The newest picture of each of the policy's observations, and not the cameras' frames.
        package var showsObservations: Bool

        package init(
            cameras: Set<String>? = nil, every: Int = 1, from: Duration = .zero, to: Duration? = nil,
            showsObservations: Bool = false
        ) {
            precondition(every > 0, "every \(every)th picture")
            self.cameras = cameras
            self.every = every
            self.from = from
            self.to = to
            self.showsObservations = showsObservations
        }
    }
    /// One picture, with its place in the episode.
    package struct Picture: Sendable {
        package var camera: String
        /// Number of the camera's picture in the episode, from 0.
        package var number: Int
        /// Time of the capture, after the episode's first message.
        package var time: Duration
        package var image: RGBImage
        /// The goal that was set then, as this camera is to see it.
        package var goal: RGBImage?
    }

    private let file: EpisodeFile
    private let options: Options
    private let start: MonotonicTime
    private let goals: [(message: Goal, logTime: MonotonicTime)]
    private let topics: Set<String>
    /// The pictures that there are, about, before `every`.
    package let expectedCount: Int

    /// Chooses the pictures of an episode.
    /// - Throws: `FrameStripError` where no such camera is, and what reading the file throws.
    package init(_ file: EpisodeFile, _ options: Options) throws {
        self.file = file
        self.options = options
        let statistics = file.reader.statistics
        start = file.startTime
        goals = try file.messages(of: Topics.goalCurrent)
        let cameraTopics = file.reader.topics.filter { $0.hasPrefix("camera/") && $0.hasSuffix("/image") }
        let known = cameraTopics.map { String($0.dropFirst("camera/".count).dropLast("/image".count)) }
        if let missing = options.cameras?.subtracting(known).min(), !options.showsObservations {
            throw FrameStripError.noCamera(missing, path: file.path, known: known)
        }
        topics =
            options.showsObservations
            ? [Topics.policyObservation.name]
            : Set(known.filter { options.cameras?.contains($0) ?? true }.map { Topics.cameraImage($0).name })
        guard topics.contains(where: { file.reader.topics.contains($0) }) else {
            throw FrameStripError.noPictures(path: file.path, observations: options.showsObservations)
        }
        let counts = file.reader.channels.values.filter { [topics] in topics.contains($0.topic) }.map {
            Int(clamping: statistics.channelMessageCounts[$0.id] ?? 0)
        }
        let length = Double(statistics.endTime - statistics.startTime) * 1e-9
        let shown = (options.to?.inSeconds ?? length) - options.from.inSeconds
        let share = length > 0 ? min(max(shown / length, 0), 1) : 1
        expectedCount = Int((Double(counts.reduce(0, +)) * share).rounded(.up))
    }

    /// Hands the pictures out in the order in which they came.
    /// - Throws: what `body` throws; `EpisodeFileError`, `ImageError`, `WireError` for what cannot be read.
    package func visit(_ body: (Picture) throws -> Void) throws {
        let from = start + options.from
        let to = options.to.map { start + $0 } ?? MonotonicTime(nanoseconds: .max)
        guard from <= to else { return }
        var messages = file.messages(ofTopics: topics, in: from...to)
        var counts: [String: Int] = [:]
        while let message = try messages.next() {
            for view in try views(in: message) {
                let number = counts[view.camera, default: 0]
                counts[view.camera] = number + 1
                guard number % options.every == 0 else { continue }
                let goal = goals.last { $0.logTime <= message.logTime }?.message
                try body(
                    Picture(
                        camera: view.camera, number: number, time: view.time - start, image: view.image(),
                        goal: goal?.views.first { $0.camera == view.camera }?.image))
            }
        }
    }

    private typealias View = (camera: String, time: MonotonicTime, image: () throws -> RGBImage)

    private func views(in message: EpisodeMessage) throws -> [View] {
        guard options.showsObservations else {
            let frame = try message.content(as: CameraFrame.self)
            return [(frame.camera, frame.captureTime, { [path = file.path] in try frame.picture(in: path) })]
        }
        let observation = try message.content(as: PolicyObservation.self)
        return observation.views.filter { options.cameras?.contains($0.camera) ?? true }.map { view in
            (view.camera, view.captureTime, { view.newest })
        }
    }

    /// Lays all pictures out on one sheet, camera by camera: time above, the goal beside.
    /// - Parameters:
    ///   - columns: pictures in a row.
    ///   - maximumWidth: width that no picture exceeds, pixels.
    ///   - progress: called with the number of pictures that are done.
    /// - Returns: nil when there is none.
    package func sheet(
        columns: Int = 4, maximumWidth: Int = 320, progress: (Int) -> Void = { _ in }
    ) throws -> RGBImage? {
        var cells: [String: [RGBImage]] = [:]
        var done = 0
        try visit { picture in
            let label = "\(picture.camera) \(picture.time.inSeconds.decimals(2)) s"
            let pictures = [picture.image] + (picture.goal.map { [$0] } ?? [])
            if let cell = RGBImage.cell(pictures, label: label, maximumWidth: maximumWidth) {
                cells[picture.camera, default: []].append(cell)
            }
            done += 1
            progress(done)
        }
        var all: [RGBImage] = []
        for (_, own) in cells.sorted(by: { $0.key < $1.key }) {
            all += own
            // The next camera begins in a row of its own.
            if cells.count > 1, let last = own.last {
                let rest = (columns - own.count % columns) % columns
                all += repeatElement(RGBImage(width: last.width, height: last.height, filledWith: 128), count: rest)
            }
        }
        return RGBImage.tiled(all, columns: columns)
    }
}

extension CameraFrame {
    /// The frame's picture, decoded.
    /// - Parameter source: name of the file in an error.
    fileprivate func picture(in source: String) throws(ImageError) -> RGBImage {
        switch pixels {
        case .rgb8(let image): image
        case .jpeg(let bytes, _, _): try RGBImage(decoding: bytes, source: "\(source), frame \(sequence) of \(camera)")
        }
    }
}

extension PolicyObservation.View {
    /// The last picture of the window.
    fileprivate var newest: RGBImage {
        let size = width * height * 3
        return RGBImage(width: width, height: height, pixels: SharedBytes(copying: Array(pixels.bytes.suffix(size))))
    }
}

/// Why there are no pictures to show.
package enum FrameStripError: Error, Equatable, CustomStringConvertible {
    case noCamera(String, path: String, known: [String])
    case noPictures(path: String, observations: Bool)

    package var description: String {
        switch self {
        case .noCamera(let name, let path, let known):
            "looking for pictures of '\(name)' in \(path): found "
                + "\(known.isEmpty ? "no camera" : known.joined(separator: ", ")), expected it among them. Give one "
                + "of these with --camera."
        case .noPictures(let path, let observations):
            "looking for pictures in \(path): found no \(observations ? "policy/observation" : "camera's frames"), "
                + "expected some. Try \(observations ? "without --observation" : "--observation"), or see "
                + "'octo-replay info \(path)'."
        }
    }
}
