import Digests
import Files
import Images
import Maths
import Messages
import Time

/// What makes a simulated camera's frames like a real one's: late, noisy, badly exposed, lost or frozen. Same seed,
/// same frames in: the same frames out.
package struct FrameImperfections: Sendable {
    /// How late, noisy and unreliable frames are.
    package struct Settings: Equatable, Sendable {
        /// Time from the capture until the frame is there.
        package var latency: Duration
        /// Standard deviation, as a share of white.
        package var noise: Double
        /// How far the brightness wanders, as a share of itself; once around in `driftPeriod`.
        package var exposureDrift: Double
        /// Probability with which a frame is lost.
        package var dropProbability: Double
        /// Time after the first frame from which on every frame shows the same; nil: never.
        package var freezesAfter: Duration?
        package var seed: UInt64

        package init(
            latency: Duration = .zero, noise: Double = 0, exposureDrift: Double = 0, dropProbability: Double = 0,
            freezesAfter: Duration? = nil, seed: UInt64 = 0
        ) {
            self.latency = latency
            self.noise = noise
            self.exposureDrift = exposureDrift
            self.dropProbability = dropProbability
            self.freezesAfter = freezesAfter
            self.seed = seed
        }
    }

    package static let driftPeriod = Duration.seconds(20)
    /// Frames that wait for their time; more than that means that nobody fetches them.
    private static let mostWaiting = 64

    private let settings: Settings
    private var dice: SplitMix64
    private var start: MonotonicTime?
    private var frozen: SharedBytes?
    private var waiting: [(due: MonotonicTime, frame: CameraFrame)] = []

    package init(_ settings: Settings) {
        self.settings = settings
        dice = SplitMix64(seed: settings.seed)
    }

    /// Takes in a frame as the world shows it.
    package mutating func add(_ frame: CameraFrame) {
        let start = start ?? frame.captureTime
        self.start = start
        if dice.happens(settings.dropProbability) { return }
        guard case .rgb8(let image) = frame.pixels else { return }
        let age = frame.captureTime - start
        var pixels = frozen ?? altered(image.pixels, gain: gain(at: age))
        if let limit = settings.freezesAfter, age >= limit {
            pixels = frozen ?? pixels
            frozen = pixels
        }
        var result = frame
        result.pixels = .rgb8(RGBImage(width: image.width, height: image.height, pixels: pixels))
        result.contentHash = pixels.xxh3
        waiting.append((frame.captureTime + settings.latency, result))
        if waiting.count > Self.mostWaiting { waiting.removeFirst() }
    }

    /// Time at which the next frame is there; nil when none is on its way.
    package var nextTime: MonotonicTime? { waiting.first?.due }

    /// The newest frame that is there by `now`.
    package mutating func take(at now: MonotonicTime) -> CameraFrame? {
        guard let index = waiting.lastIndex(where: { $0.due <= now }) else { return nil }
        let frame = waiting[index].frame
        waiting.removeFirst(index + 1)
        return frame
    }

    package mutating func removeAll() { waiting = [] }

    private func gain(at age: Duration) -> Double {
        guard settings.exposureDrift > 0 else { return 1 }
        // A triangle: as good as a sine, and exact everywhere.
        let phase = (age.inSeconds / Self.driftPeriod.inSeconds).truncatingRemainder(dividingBy: 1)
        let wave = phase < 0.25 ? 4 * phase : phase < 0.75 ? 2 - 4 * phase : 4 * phase - 4
        return 1 + settings.exposureDrift * wave
    }

    private mutating func altered(_ pixels: SharedBytes, gain: Double) -> SharedBytes {
        guard settings.noise > 0 || gain != 1 else { return pixels }
        let deviation = settings.noise * 255
        return SharedBytes(count: pixels.count) { (memory) throws(Never) in
            for (index, byte) in pixels.bytes.enumerated() {
                let value = Double(byte) * gain + (deviation > 0 ? deviation * dice.normal() : 0)
                memory[index] = UInt8(min(max(value.rounded(), 0), 255))
            }
        }
    }
}
