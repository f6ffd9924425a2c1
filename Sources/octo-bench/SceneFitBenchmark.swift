import ArgumentParser
import ArmSetup
import Chance
import Control
import Foundation
import Geometry
import Images
import SceneFit
import Simulation
import Time

struct SceneFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scene-fit",
        abstract: "How well the goal's fit is told: known changes of simulated scenes, and milliseconds per check.",
        discussion: """
            Every scene is drawn twice, larger than needed, with the arm and an object elsewhere the second time; the second
            picture is moved, turned, scaled and lit by known amounts. Sections of the table: one kind of change each.
            """)

    @Option(help: "Calibration file of the arm.")
    var calibration = "calibration/widowx-250s.json"

    @Option(help: "Scenes of each kind.")
    var scenes = 84

    private struct Row {
        var errors: [Double] = []
        var reds = 0
        var count = 0
    }

    func run() throws {
        let arm = try ArmCalibration(contentsOfFile: calibration)
        do {
            _ = try World.libraryVersion()
        } catch {
            print("Scene fit: skipped. \(error)")
            return
        }
        print("Scene fit, 256x256, \(scenes) scenes of each kind, arm and block elsewhere in the live picture")
        print("kind                          shift error p50     p95 px      red")
        var times = LatencyHistogram()
        for kind in Kind.allCases {
            var row = Row()
            for seed in 0..<UInt64(scenes) {
                var dice = SplitMix64(seed: seed &* 31 &+ UInt64(kind.rawValue.count))
                let change = kind.change(&dice)
                let pair = try ScenePair(seed: seed, arm: arm, otherScene: kind == .otherScene, &dice)
                let live = pair.live.moved(by: change.motion, gain: change.gain, size: 256)
                let goal = pair.goal.moved(by: PictureMotion(), gain: 1, size: 256)
                let begin = MonotonicTime.now()
                let fit = SceneFit(goal: goal, live: live)
                times.record(.now() - begin)
                let error = fit.motion.shift - change.motion.shift
                row.errors.append((error * error).sum().squareRoot())
                row.count += 1
                if fit.verdict == .red { row.reds += 1 }
            }
            row.errors.sort()
            func quantile(_ share: Double) -> Double { row.errors[Int(share * Double(row.errors.count - 1))] }
            let figures =
                kind == .otherScene
                ? "        -         -   " : String(format: "%9.2f %9.2f   ", quantile(0.5), quantile(0.95))
            print(
                kind.rawValue.padding(toLength: 36, withPad: " ", startingAt: 0) + figures
                    + String(format: "%7.1f %%", 100 * Double(row.reds) / Double(row.count)))
        }
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

/// A scene before and after, drawn larger than it is compared.
private struct ScenePair {
    let goal: RGBImage
    let live: RGBImage
    private static let size = 384

    init(seed: UInt64, arm: ArmCalibration, otherScene: Bool, _ dice: inout SplitMix64) throws {
        let scene = Scene.tabletop.varied(seed: seed)
        let world = try World(scene, arm: arm)
        goal = try world.picture(.primary, width: Self.size, height: Self.size)
        if otherScene {
            // The same camera in another room: another table, other things, another place.
            var other = Scene.tabletop.varied(seed: seed &+ 1_000)
            other.tableColour = [0.25, 0.35, 0.5]
            other.primary.position += [0.25, 0.7, -0.1]
            other.primary.lookAt += [0.1, -0.1, 0]
            live = try World(other, arm: arm).picture(.primary, width: Self.size, height: Self.size)
            return
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
        live = try world.picture(.primary, width: Self.size, height: Self.size)
    }
}

extension RGBImage {
    /// The middle of the picture, moved and lit as if the camera had: bilinear.
    fileprivate func moved(by motion: PictureMotion, gain: Double, size: Int) -> RGBImage {
        let source = Array(pixels.bytes)
        let (c, s) = (cos(motion.rotation) / motion.scale, sin(motion.rotation) / motion.scale)
        let (middle, from) = (Double(size - 1) / 2, Double(width - 1) / 2)
        let result = SharedBytes(count: size * size * 3) { (memory) throws(Never) in
            for y in 0..<size {
                for x in 0..<size {
                    // The inverse of goal → live: middle + R⁻¹ (p - middle - shift) / scale.
                    let (px, py) = (Double(x) - middle - motion.shift.x, Double(y) - middle - motion.shift.y)
                    let qx = min(max(from + c * px + s * py, 0), Double(width - 1) - 0.001)
                    let qy = min(max(from - s * px + c * py, 0), Double(height - 1) - 0.001)
                    let (ix, iy) = (Int(qx), Int(qy))
                    let (fx, fy) = (qx - Double(ix), qy - Double(iy))
                    for channel in 0..<3 {
                        func at(_ dx: Int, _ dy: Int) -> Double {
                            Double(source[((iy + dy) * width + ix + dx) * 3 + channel])
                        }
                        let value =
                            (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx) * fy
                        memory[(y * size + x) * 3 + channel] = UInt8(min(max((value * gain).rounded(), 0), 255))
                    }
                }
            }
        }
        return RGBImage(width: size, height: size, pixels: result)
    }
}
