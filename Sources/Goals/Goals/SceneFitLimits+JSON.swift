import Foundation
import JSONTree
import SceneFit

/// Why a checkpoint's limits cannot be used.
package struct GoalFitFileError: Error, Equatable, CustomStringConvertible {
    package let file: String
    package let problems: [String]

    package var description: String {
        "reading \(file): \(problems.joined(separator: "; ")). Write it anew with octo-eval align, or take it away: "
            + "then the usual limits hold."
    }
}

/// How far goal and scene may be apart for a policy that was measured (`octo-eval align`).
extension SceneFit.Limits {
    /// The file beside a checkpoint's `config.json`.
    package static let fileName = "goal_fit.json"

    /// Those that a checkpoint brings, else the usual ones.
    /// - Parameter folder: the checkpoint's.
    /// - Throws: `GoalFitFileError` for a file that is there and cannot be used.
    package init(ofCheckpoint folder: String) throws(GoalFitFileError) {
        let file = folder + "/" + Self.fileName
        guard let data = FileManager.default.contents(atPath: file) else {
            self = .usual
            return
        }
        try self.init(parsing: Array(data), file: file)
    }

    /// Axes that the text leaves out, or of which it says `unknown`, keep the usual limits. Where success has not
    /// fallen so far within what was measured (null), amber begins behind that, and red never.
    /// - Parameters:
    ///   - text: what `octo-eval align` writes.
    ///   - file: its name in errors.
    package init(parsing text: some Collection<UInt8>, file: String) throws(GoalFitFileError) {
        let root: JSONNode
        do {
            root = try JSONNode(parsing: text)
        } catch {
            throw GoalFitFileError(file: file, problems: ["it is not JSON: \(error)"])
        }
        guard let list = root["limits"]?.array else {
            throw GoalFitFileError(file: file, problems: ["found no list 'limits', expected one entry for each axis"])
        }
        var problems: [String] = []
        var pairs: [String: Pair] = [:]
        for (index, node) in list.enumerated() {
            guard let axis = node["axis"]?.string else {
                problems.append("limits[\(index)] names no 'axis'")
                continue
            }
            guard Self.scored.contains(axis), node["unknown"] == nil else { continue }
            do throws(Unreadable) {
                pairs[axis] = try Self.pair(node)
            } catch {
                problems.append("limits[\(index)] (\(axis)): \(error.words)")
            }
        }
        if !problems.isEmpty { throw GoalFitFileError(file: file, problems: problems) }
        self = .usual
        // Where success has not halved as far as was measured the usual limit stays red, if it lies behind amber: that
        // a policy still reaches its goal with a camera that stands elsewhere is habit, and no proof that the goal is
        // the scene's.
        func limits(_ pair: Pair?, by factor: Double = 1, usual: Pair) -> Pair {
            guard let pair else { return usual }
            let amber = pair.amber * factor
            return Pair(
                amber: amber, red: pair.red.isFinite ? pair.red * factor : usual.red > amber ? usual.red : .infinity)
        }
        shift = limits(pairs["camera-shift"], by: 1.0 / 256, usual: shift)
        rotation = limits(pairs["camera-turn"], usual: rotation)
        scale = limits(pairs["camera-zoom"], by: 0.01, usual: scale)
        // The score knows one light: the way that bears less counts.
        let lights = ["darker", "brighter"].compactMap { pairs[$0] }
        if let amber = lights.map(\.amber).min(), let red = lights.map(\.red).min() {
            light = limits(Pair(amber: amber, red: red), usual: light)
        }
    }

    /// Axes that can be told from one picture before the run.
    private static let scored = ["camera-shift", "camera-turn", "camera-zoom", "darker", "brighter"]

    private struct Unreadable: Error {
        let words: String
    }

    /// The `score` of an axis is what the fit reads there, where that is in another unit than the axis.
    private static func pair(_ node: JSONNode) throws(Unreadable) -> Pair {
        let node = node["score"] ?? node
        func number(_ key: String, orNull other: Double?) throws(Unreadable) -> Double {
            guard let value = node[key] else { throw Unreadable(words: "found no '\(key)', expected a number") }
            if value.isNull, let other { return other }
            guard let number = value.double, number >= 0, number.isFinite else {
                throw Unreadable(words: "'\(key)' is \(value.text()), expected a number from 0")
            }
            return number
        }
        let end = try number("measured_to", orNull: nil)
        let amber = try number("amber", orNull: end)
        let red = try number("red", orNull: .infinity)
        guard amber <= red else { throw Unreadable(words: "amber begins at \(amber), behind red at \(red)") }
        return Pair(amber: amber, red: red)
    }
}
