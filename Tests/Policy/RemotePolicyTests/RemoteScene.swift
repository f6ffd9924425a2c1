import Files
import Images
import JSONTree
import Messages
import OctoModel
import Policy
import RemotePolicy
import TestSupport
import Testing
import Time

/// A robot's policy as a test makes one up: what its network reads, and requests for it.
struct RemoteScene {
    var random: SeededGenerator
    let configuration: PolicyConfiguration
    /// Prepared pictures by camera, newest last, with the frame that each was made of.
    private var seen: [String: [(image: RGBImage, frame: CameraFrame)]] = [:]
    private var preparation: FramePreparation
    private var tick: UInt64 = 0
    private var goal = PolicyNodeCore.PreparedGoal(id: "g", images: [:])
    /// Whether cameras deliver JPEG.
    let deliversJPEG: Bool

    init(seed: UInt64, window: Int = 2, readsArm: Bool = true, deliversJPEG: Bool = false) {
        random = SeededGenerator(seed: seed)
        self.deliversJPEG = deliversJPEG
        let statistics = ProprioStatistics(
            mean: [0.1, 1 / 3], std: [0.7, 1e-7], mask: [true, false], p01: [-1, 0], p99: [1, 0.3])
        configuration = PolicyConfiguration(
            cameras: [
                PolicyCamera(name: "primary", width: 24, height: 16, takesGoal: true),
                PolicyCamera(name: "wrist", width: 8, height: 8, takesGoal: false, isOptional: true),
            ], windowSize: window, actionDimension: 7, actionSpace: .eefDelta, rate: Rate(hertz: 5),
            preprocessing: .resize, requiresGoal: false, maximumFrameAge: .seconds(1), noiseSeed: 0,
            proprio: readsArm
                ? ProprioReading(key: "proprio", fields: [.x, .joint(1)], joints: 6, statistics: statistics) : nil,
            taskNumbers: TaskNumbers(vectors: [.init(key: "speed", count: 2)], given: ["speed": [0.1, -1e-9]]))
        preparation = FramePreparation(configuration)
        takeGoal()
    }

    mutating func takeGoal() {
        var images: [String: RGBImage] = [:]
        if Bool.random(using: &random) { images["primary"] = picture(24, 16) }
        let text =
            Bool.random(using: &random)
            ? TokenizedText(ids: [Int32.random(in: 1...9, using: &random), 1, 0], attentionMask: [true, true, false])
            : nil
        goal = .init(
            id: "goal \(Int.random(in: 0...99, using: &random))", images: images, text: text,
            taskNumbers: Bool.random(using: &random) ? ["speed": [0.3, 1 / 7]] : [:])
    }

    private mutating func picture(_ width: Int, _ height: Int) -> RGBImage {
        let tone = UInt8.random(in: 0...255, using: &random)
        let bytes = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: Int(tone) &+ $0 * 7 % 31) }
        return RGBImage(width: width, height: height, pixels: SharedBytes(copying: bytes))
    }

    private mutating func frame(_ camera: PolicyCamera) throws -> CameraFrame {
        let image = picture(camera.width * 2, camera.height * 2)
        let pixels: CameraFrame.Pixels =
            deliversJPEG
            ? .jpeg(try image.jpegData(quality: 80), width: image.width, height: image.height) : .rgb8(image)
        return CameraFrame(
            camera: camera.name, deviceID: "d", sequence: tick, captureTime: time, pixels: pixels, contentHash: tick)
    }

    private var time: MonotonicTime { MonotonicTime(nanoseconds: Int64(tick) * 200_000_000 + 1_234_567_891) }

    /// The next request, as the node's core would make it.
    mutating func request() throws -> PolicyNodeCore.Request {
        tick += 1
        let window = configuration.windowSize
        var views: [PolicyObservation.View] = []
        var sources: [String: CameraFrame] = [:]
        for camera in configuration.cameras {
            let isStill = seen[camera.name] != nil && Int.random(in: 0..<4, using: &random) == 0
            if !isStill {
                let frame = try frame(camera)
                seen[camera.name, default: []].append((try preparation.prepare(frame, for: camera), frame))
            }
            let all = seen[camera.name, default: []].suffix(window)
            let padded = Array(repeating: all.first, count: window - all.count) + all.map(Optional.some)
            var mask = padded.map { _ in true }
            if camera.isOptional, Bool.random(using: &random) { mask[0] = false }
            let slots = zip(padded, mask).map { slot, isThere -> [UInt8] in
                let size = camera.width * camera.height * 3
                guard isThere, let slot else { return [UInt8](repeating: 0, count: size) }
                return Array(slot.image.pixels.bytes)
            }
            guard let last = all.last else { continue }
            sources[camera.name] = last.frame
            views.append(
                .init(
                    camera: camera.name, width: camera.width, height: camera.height,
                    pixels: SharedBytes(copying: slots.flatMap { $0 }), captureTime: last.frame.captureTime,
                    padMask: mask.allSatisfy { $0 } ? [] : mask))
        }
        let numbers = configuration.proprio.map { reading in
            (0..<window * reading.fields.count).map { _ in Float.random(in: -3...3, using: &random) }
        }
        let observation = PolicyObservation(
            tick: tick, time: time, goalID: goal.id, views: views,
            timestepPadMask: (0..<window).map { $0 >= window - Int(tick) },
            proprio: numbers.map { .init(values: $0, before: time, after: time) })
        return PolicyNodeCore.Request(
            observation: observation, goal: goal, captureTime: time, noiseSeed: .max - 3, noiseCounter: tick,
            sources: sources)
    }
}

/// Whether two requests are the same in all that the network reads.
func areAlike(_ a: PolicyNodeCore.Request, _ b: PolicyNodeCore.Request) -> Bool {
    a.goal == b.goal && a.noiseSeed == b.noiseSeed && a.noiseCounter == b.noiseCounter
        && a.observation.timestepPadMask == b.observation.timestepPadMask && a.observation.tick == b.observation.tick
        && a.observation.time == b.observation.time
        && a.observation.proprio?.values.map(\.bitPattern) == b.observation.proprio?.values.map(\.bitPattern)
        && a.observation.views.count == b.observation.views.count
        && zip(a.observation.views, b.observation.views).allSatisfy { first, second in
            first.camera == second.camera && first.width == second.width && first.height == second.height
                && first.padMask == second.padMask && first.pixels == second.pixels
        }
}
