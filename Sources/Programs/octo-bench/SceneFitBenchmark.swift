import ArgumentParser
import Files
import Foundation
import Images
import Kinematics
import Maths
import NodeShell
import SceneFit
import Simulation
import Time

struct SceneFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scene-fit",
        abstract: "Measure how well the goal's fit is told of known changes of scenes, and milliseconds per check.",
        discussion: """
            Every scene is drawn twice, larger than needed, with the arm and an object elsewhere the second time; the \
            second picture is moved, turned, scaled and lit by known amounts. Sections of the table: one kind of \
            change each.
            """)

    @Option(help: "Use this calibration file of the arm.")
    var calibration = "calibration/widowx-250s.json"

    @Option(help: "Draw so many scenes of each of the seven kinds.")
    var scenes = 72

    @Option(
        help: ArgumentHelp(
            "Take the frames of one camera and one episode in this folder, real pictures, in place of drawn ones.",
            valueName: "folder"))
    var frames: String?

    @Option(help: "Take the folder's files of this pattern as frames.")
    var pattern = "image_0_*"

    func validate() throws {
        guard (1...10_000).contains(scenes) else { throw ValidationError("--scenes: give 1 to 10000.") }
    }

    private struct Row {
        var errors: [Double] = []
        var reds = 0
        var count = 0

        func quantile(_ share: Double) -> Double {
            let sorted = errors.sorted()
            return sorted.isEmpty ? .nan : sorted[Int(share * Double(sorted.count - 1))]
        }
    }

    func run() throws {
        let source: any PairSource
        if let frames {
            source = try FramePairs(folder: frames, pattern: pattern)
        } else {
            do {
                _ = try World.libraryVersion()
            } catch {
                print("Scene fit: skipped. \(error)")
                return
            }
            source = DrawnPairs(arm: try ArmCalibration(contentsOfFile: calibration))
        }
        print("Scene fit, 256x256, \(scenes) scenes of each kind. \(source.words)")
        print("kind                          shift error p50     p95 px      red")
        var times = LatencyHistogram()
        var (all, far) = (Row(), Row())
        let progress = ProgressLine(total: Kind.allCases.count * scenes, of: "scenes", at: .now())
        for (index, kind) in Kind.allCases.enumerated() {
            var row = Row()
            for seed in 0..<UInt64(scenes) {
                progress.show(index * scenes + Int(seed), at: .now())
                var dice = SplitMix64(seed: seed &* 31 &+ UInt64(kind.rawValue.count))
                let change = kind.change(&dice)
                let pair = try source.pair(seed: seed, otherScene: kind == .otherScene, &dice)
                let live = pair.live.moved(by: change.motion, gain: change.gain, size: 256)
                let goal = pair.goal.moved(by: PictureMotion(), gain: 1, size: 256)
                let begin = MonotonicTime.now()
                let fit = SceneFit(goal: goal, live: live)
                times.record(.now() - begin)
                let error = fit.motion.shift - change.motion.shift
                let size = (error * error).sum().squareRoot()
                let distance = (change.motion.shift * change.motion.shift).sum().squareRoot()
                row.errors.append(size)
                row.count += 1
                let isRed = fit.verdict == .red
                if isRed { row.reds += 1 }
                guard kind != .otherScene else { continue }
                // Half of a shift across and half along leaves (1 - x)(1 - y) of the picture.
                let overlap = (1 - abs(change.motion.shift.x) / 256) * (1 - abs(change.motion.shift.y) / 256)
                if overlap >= 0.8 { all.errors.append(size) }
                if distance >= 8 {
                    far.count += 1
                    if !isRed { far.reds += 1 }
                }
            }
            let figures =
                kind == .otherScene
                ? "        -         -   " : String(format: "%9.2f %9.2f   ", row.quantile(0.5), row.quantile(0.95))
            progress.end()
            print(
                kind.rawValue.padding(toLength: 36, withPad: " ", startingAt: 0) + figures
                    + String(format: "%7.1f %%", 100 * Double(row.reds) / Double(row.count)))
            if kind == .unchanged { all.reds = row.reds }
        }
        print(
            String(
                format: "shift error where 80 %% overlap: p50 %.2f px, p95 %.2f px", all.quantile(0.5),
                all.quantile(0.95)))
        print(
            String(
                format:
                    "false red, nothing moved but the arm and what it moves: %.1f %%; missed red of %d shifts of 8 px "
                    + "and more: %.1f %%",
                100 * Double(all.reds) / Double(scenes), far.count, 100 * Double(far.reds) / Double(max(far.count, 1))))
        print(
            String(
                format: "a check takes %.1f ms, p99 %.1f ms", times.quantile(0.5).inMilliseconds,
                times.quantile(0.99).inMilliseconds))
    }

    private enum Kind: String, CaseIterable {
        case unchanged = "unchanged but arm and block"
        case small = "shift up to 2 px"
        case shift = "shift 8 to 20 px"
        case turned = "shift up to 20 px, turn up to 5°"
        case scaled = "shift up to 20 px, scale ±5 %"
        case lit = "shift up to 20 px, gain ±40 %"
        case otherScene = "another scene"

        func change(_ dice: inout SplitMix64) -> (motion: PictureMotion, gain: Double) {
            func shift(_ range: ClosedRange<Double>) -> SIMD2<Double> {
                let length = range.lowerBound + dice.unit() * (range.upperBound - range.lowerBound)
                let angle = dice.unit() * 2 * .pi
                return [length * cos(angle), length * sin(angle)]
            }
            return switch self {
            case .unchanged, .otherScene: (PictureMotion(), 1)
            case .small: (PictureMotion(shift: shift(0...2)), 1)
            case .shift: (PictureMotion(shift: shift(8...20)), 1)
            case .turned: (PictureMotion(shift: shift(0...20), rotation: dice.symmetric(5 * .pi / 180)), 1)
            case .scaled: (PictureMotion(shift: shift(0...20), scale: 1 + dice.symmetric(0.05)), 1)
            case .lit: (PictureMotion(shift: shift(0...20)), 1 + dice.symmetric(0.4))
            }
        }
    }
}

/// A goal and a later picture of the same scene, larger than they are compared.
private protocol PairSource {
    var words: String { get }
    func pair(seed: UInt64, otherScene: Bool, _ dice: inout SplitMix64) throws -> (goal: RGBImage, live: RGBImage)
}

/// Frames of an episode: the arm, and what it moves, are elsewhere in each.
private struct FramePairs: PairSource {
    private let frames: [RGBImage]
    let words: String

    init(folder: String, pattern: String) throws {
        let paths = try ImageFolder(path: folder, pattern: pattern).paths
        guard paths.count >= 2 else {
            throw ValidationError("--frames \(folder): \(paths.count) files match '\(pattern)', expected 2 or more.")
        }
        let frames = try paths.map { try RGBImage(contentsOf: $0) }
        let first = frames[0]
        guard frames.allSatisfy({ $0.width == first.width && $0.height == first.height }) else {
            throw ValidationError("--frames \(folder): expected frames of one size.")
        }
        // Some room about the 256 pixels that are compared, for what a shift brings into view.
        let plan = ImageResize(fromWidth: first.width, height: first.height, toWidth: 320, height: 320)
        self.frames = frames.map(plan.resize)
        words = "Two of \(paths.count) real frames each"
    }

    func pair(seed: UInt64, otherScene: Bool, _ dice: inout SplitMix64) throws -> (goal: RGBImage, live: RGBImage) {
        let goal = frames[Int(dice.unit() * Double(frames.count)) % frames.count]
        let live = frames[Int(dice.unit() * Double(frames.count)) % frames.count]
        // There is no other scene at hand: the same upside down has the same colours in other places.
        return (goal, otherScene ? live.turned : live)
    }
}

/// Scenes of the simulator.
private struct DrawnPairs: PairSource {
    let arm: ArmCalibration
    let words = "Arm and block elsewhere in the live picture"
    private static let size = 384

    func pair(seed: UInt64, otherScene: Bool, _ dice: inout SplitMix64) throws -> (goal: RGBImage, live: RGBImage) {
        let scene = Scene.tabletop.varied(seed: seed)
        let world = try World(scene, arm: arm)
        let goal = try world.picture(.primary, width: Self.size, height: Self.size)
        if otherScene {
            // The same camera in another room: another table, other things, another place.
            var other = Scene.tabletop.varied(seed: seed &+ 1_000)
            other.tableColour = [0.25, 0.35, 0.5]
            other.primary.position += [0.25, 0.7, -0.1]
            other.primary.lookAt += [0.1, -0.1, 0]
            return (goal, try World(other, arm: arm).picture(.primary, width: Self.size, height: Self.size))
        }
        var angles = world.armPositions
        for joint in 0..<angles.count { angles[joint] += dice.symmetric(joint == 0 ? 0.5 : 0.3) }
        try world.place(arm: angles, gripper: dice.unit())
        let place = world.pose(ofObject: 0)
        try world.place(
            object: 0,
            at: Pose(
                rotation: place.rotation,
                translation: place.translation + [dice.symmetric(0.06), dice.symmetric(0.06), 0]))
        return (goal, try world.picture(.primary, width: Self.size, height: Self.size))
    }
}

extension RGBImage {
    /// The picture turned by half a turn.
    fileprivate var turned: RGBImage {
        let source = pixels
        let count = width * height
        let result = SharedBytes(count: count * 3) { (memory) throws(Never) in
            for index in 0..<count {
                for channel in 0..<3 { memory[3 * index + channel] = source.bytes[3 * (count - 1 - index) + channel] }
            }
        }
        return RGBImage(width: width, height: height, pixels: result)
    }

    /// The middle of the picture, moved and lit as if the camera had: bilinear.
    fileprivate func moved(by motion: PictureMotion, gain: Double, size: Int) -> RGBImage {
        let source = Array(pixels.bytes)
        let (c, s) = (cos(motion.rotation) / motion.scale, sin(motion.rotation) / motion.scale)
        let middle = Double(size - 1) / 2
        let from = SIMD2<Double>(Double(width - 1), Double(height - 1)) / 2
        let result = SharedBytes(count: size * size * 3) { (memory) throws(Never) in
            for y in 0..<size {
                for x in 0..<size {
                    // The inverse of goal → live: middle + R⁻¹ (p - middle - shift) / scale.
                    let (px, py) = (Double(x) - middle - motion.shift.x, Double(y) - middle - motion.shift.y)
                    let qx = min(max(from.x + c * px + s * py, 0), Double(width - 1) - 0.001)
                    let qy = min(max(from.y - s * px + c * py, 0), Double(height - 1) - 0.001)
                    let (ix, iy) = (Int(qx), Int(qy))
                    let (fx, fy) = (qx - Double(ix), qy - Double(iy))
                    for channel in 0..<3 {
                        func at(_ dx: Int, _ dy: Int) -> Double {
                            Double(source[((iy + dy) * width + ix + dx) * 3 + channel])
                        }
                        let value =
                            (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx)
                            * fy
                        memory[(y * size + x) * 3 + channel] = UInt8(min(max((value * gain).rounded(), 0), 255))
                    }
                }
            }
        }
        return RGBImage(width: size, height: size, pixels: result)
    }
}
