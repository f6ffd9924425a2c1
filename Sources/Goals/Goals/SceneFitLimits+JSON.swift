import Files
import JSONTree
import SceneFit

extension JSONFileKind {
    /// Limits that a checkpoint brings, read by `SceneFit.Limits`.
    package static let goalFit = JSONFileKind(
        name: "the limits of the goal's fit",
        remedy: "Write the file anew with octo-eval align, or take it away: then the usual limits hold.")
}

/// How far goal and scene may be apart for a policy that was measured (`octo-eval align`).
extension SceneFit.Limits {
    /// The file beside a checkpoint's `config.json`.
    package static let fileName = "goal_fit.json"

    /// Reads the limits that a checkpoint brings, or takes the usual ones.
    /// - Parameter folder: the checkpoint's.
    /// - Throws: what is wrong with a file that is there.
    package init(ofCheckpoint folder: String) throws(JSONFileError) {
        let file = folder + "/" + Self.fileName
        let text: [UInt8]
        do throws(FileError) {
            text = try FileSystem.read(file)
        } catch .missing {
            self = .usual
            return
        } catch {
            throw JSONFileKind.goalFit.error(file, error.found)
        }
        try self.init(parsing: text, file: file)
    }

    /// Reads limits from a text. Axes that it leaves out, or of which it says `unknown`, keep the usual limits. Where
    /// success has not fallen so far within what was measured (null), amber begins behind that, and red never.
    /// - Parameters:
    ///   - text: what `octo-eval align` writes.
    ///   - file: its name in errors.
    package init(parsing text: some Collection<UInt8>, file: String) throws(JSONFileError) {
        let pairs = try JSONFileKind.goalFit.read(text, file: file, Self.pairs)
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

    /// The limits of each axis that is there and known.
    private static func pairs(_ root: JSONNode, _ reader: JSONReader) -> [String: Pair] {
        if root["limits"] == nil { reader.report(root, "limits", "it is missing, expected one entry for each axis") }
        var pairs: [String: Pair] = [:]
        for (index, node) in reader.elements(root["limits"], at: "limits").enumerated() {
            let path = "limits[\(index)]"
            guard let axis = node["axis"]?.string else {
                reader.report(node, "\(path).axis", "it is missing, expected the axis's name")
                continue
            }
            guard scored.contains(axis), node["unknown"] == nil else { continue }
            // The score of an axis is what the fit reads there, where that is in another unit than the axis.
            pairs[axis] =
                node["score"].map { pair($0, at: "\(path).score", reader) } ?? pair(node, at: path, reader)
        }
        return pairs
    }

    private static func pair(_ node: JSONNode, at path: String, _ reader: JSONReader) -> Pair? {
        func number(_ key: String, orNull other: Double?) -> Double? {
            guard let value = node[key] else {
                reader.report(node, "\(path).\(key)", "it is missing, expected a number")
                return nil
            }
            if value.isNull, let other { return other }
            return reader.number(value, at: "\(path).\(key)", in: 0...Double.infinity)
        }
        guard let end = number("measured_to", orNull: nil), let amber = number("amber", orNull: end),
            let red = number("red", orNull: .infinity)
        else { return nil }
        if amber > red { reader.report(node, path, "amber begins at \(amber), behind red at \(red)") }
        return Pair(amber: amber, red: red)
    }
}
