import Images
import Messages
import Time

/// Waits until every camera's picture has settled, and then has the frames to take as a goal.
///
/// Settled is a picture of which three frames in a row, over 0.3 s or more, hardly differ: nothing moves in it, and the
/// exposure has come to rest. Frames are compared as thumbnails, in which noise averages out.
package struct GoalCapture: Sendable {
    /// How far the capture has got.
    package enum Outcome: Equatable, Sendable {
        case waiting
        /// The pictures have settled: one frame for each camera, in the cameras' order.
        case settled([CameraFrame])
        case failed(String)
    }
    private struct Watch: Sendable {
        var camera: String
        var last: (frame: CameraFrame, thumbnail: Thumbnail)?
        /// The frame since which nothing has changed, and how many have come since then.
        var steadySince: MonotonicTime?
        var steadyFrames = 0
        /// Change from the frame before the last to the last, brightness of 255.
        var change = (mean: 0.0, most: 0.0)
        var problem: String?
    }
    private static let steadyFrames = 3
    private static let steadyTime = Duration.milliseconds(300)
    /// Largest change that counts as settled, brightness of 255: on average over the picture, and at its worst place.
    private static let limit = (mean: 1.0, most: 10.0)
    /// How long a scene may take to settle.
    package static let defaultPatience = Duration.seconds(6)

    private var watches: [Watch]
    private let start: MonotonicTime
    private let patience: Duration

    /// Begins to wait for a settled frame of each camera.
    /// - Parameter now: the present time; frames captured before it do not count.
    package init(cameras: [String], at now: MonotonicTime, patience: Duration = Self.defaultPatience) {
        watches = cameras.map { Watch(camera: $0) }
        start = now
        self.patience = patience
    }

    package mutating func receive(_ frame: CameraFrame) {
        guard let index = watches.firstIndex(where: { $0.camera == frame.camera }), frame.captureTime >= start else {
            return
        }
        var watch = watches[index]
        defer { watches[index] = watch }
        let image: RGBImage
        do throws(ImageError) {
            image = try frame.image()
        } catch {
            watch.problem = error.description
            return
        }
        watch.problem = nil
        let thumbnail = Thumbnail(image)
        if let last = watch.last, last.frame.captureTime < frame.captureTime {
            let change = thumbnail.change(from: last.thumbnail)
            watch.change = change
            if change.mean <= Self.limit.mean, change.most <= Self.limit.most {
                if watch.steadySince == nil { watch.steadySince = last.frame.captureTime }
                watch.steadyFrames += 1
            } else {
                watch.steadySince = nil
                watch.steadyFrames = 0
            }
        }
        watch.last = (frame, thumbnail)
    }

    /// Whether the pictures have settled by now, or why they have not.
    package func outcome(at now: MonotonicTime) -> Outcome {
        let restless = watches.filter { watch in
            guard let since = watch.steadySince, let last = watch.last else { return true }
            return watch.steadyFrames < Self.steadyFrames - 1 || last.frame.captureTime - since < Self.steadyTime
        }
        if restless.isEmpty { return .settled(watches.compactMap { $0.last?.frame }) }
        guard now - start > patience else { return .waiting }
        let words = restless.map { watch in
            if let problem = watch.problem { return "'\(watch.camera)': \(problem)" }
            guard watch.last != nil else { return "no frame of '\(watch.camera)' came" }
            let (mean, most) = ((watch.change.mean * 10).rounded() / 10, Int(watch.change.most.rounded()))
            return "the picture of '\(watch.camera)' does not settle: its last two frames differ by \(mean) of 255, "
                + "\(most) at the worst place"
        }
        return .failed(
            "taking a goal: " + words.joined(separator: "; ")
                + ", expected still pictures within \(patience.inSeconds) s. "
                + "Keep the scene and the arm still, and see that the cameras run.")
    }
}

/// Brightness in 32 × 24 places.
private struct Thumbnail: Sendable {
    private static let (columns, rows) = (32, 24)
    private let values: [Double]

    init(_ image: RGBImage) {
        let (w, h) = (image.width, image.height)
        var sums = [Int](repeating: 0, count: Self.columns * Self.rows)
        var counts = sums
        withExtendedLifetime(image.pixels) {
            let bytes = image.pixels.bytes
            for y in 0..<h {
                let row = y * Self.rows / h * Self.columns
                for x in 0..<w {
                    let cell = row + x * Self.columns / w
                    let pixel = (y * w + x) * 3
                    sums[cell] += Int(bytes[pixel]) + Int(bytes[pixel + 1]) + Int(bytes[pixel + 2])
                    counts[cell] += 3
                }
            }
        }
        values = zip(sums, counts).map { $1 > 0 ? Double($0) / Double($1) : 0 }
    }

    func change(from other: Thumbnail) -> (mean: Double, most: Double) {
        let differences = zip(values, other.values).map { abs($0 - $1) }
        return (differences.reduce(0, +) / Double(differences.count), differences.max() ?? 0)
    }
}

extension CameraFrame {
    /// The pixels, decoded where they must be.
    package func image() throws(ImageError) -> RGBImage {
        switch pixels {
        case .rgb8(let image): image
        case .jpeg(let data, _, _): try RGBImage(decoding: data, source: "camera '\(camera)'")
        }
    }
}
