import Glibc

/// Finds how the live picture lies in the goal's, and how it is lit, although some things moved.
///
/// Two stages. First the shift, roughly: at a quarter of the resolution every shift within reach is tried, and the one
/// at which most gradients agree wins; what moved votes for other shifts and is outvoted. Then all of it, finely:
/// iteratively reweighted least squares from coarse to fine (Lucas and Kanade 1981 with the robust weights of Tukey's
/// biweight) over shift, rotation, scale, gain and offset; what moved has a large residual and loses its weight.
struct PictureAlignment {
    /// Motion of the live picture against the goal's.
    private(set) var motion = PictureMotion()
    /// live = gain · goal + offset, brightness of 255.
    private(set) var gain = 1.0
    private(set) var offset = 0.0
    /// Share of the pixels in both pictures that agree after all that.
    private(set) var agreement = 0.0
    /// Share of the goal's pixels that the live picture shows at all.
    private(set) var overlap = 0.0
    /// One for each pixel of the goal at `fitWidth` × `fitHeight`: whether it agrees; nil where the live picture ends,
    /// or is left out.
    private(set) var agrees: [Bool?] = []
    let fitWidth: Int
    let fitHeight: Int
    /// One for each pixel of the goal: whether it is left out; empty when none is.
    private let hidden: [Bool]

    /// Shifts up to this share of the width are found.
    private static let reach = 0.11
    /// Residuals (brightness of 255) beyond which a pixel counts as changed; noise of a good camera is a third of it.
    private static let changed = 14.0

    /// Aligns two pictures of one size.
    /// - Parameters:
    ///   - goal, live: pictures of one size, at least 64 pixels either way.
    ///   - hidden: whether a pixel of the goal is left out, one for each; empty when none is.
    init(goal: GreyImage, live: GreyImage, hidden: [Bool] = []) {
        fitWidth = goal.width
        fitHeight = goal.height
        self.hidden = hidden
        let goals = Self.pyramid(goal.smoothed)
        let lives = Self.pyramid(live.smoothed)
        let coarse = min(2, goals.count - 1)
        let start = Self.coarseShift(goals[coarse], lives[coarse]) { [hidden, fitWidth] x, y in
            !hidden.isEmpty && hidden[(y << coarse) * fitWidth + (x << coarse)]
        }
        motion.shift = start * Double(1 << coarse)
        (gain, offset) = Self.lighting(goals[coarse], lives[coarse], shift: start)
        for level in stride(from: coarse, through: 0, by: -1) {
            refine(goals[level], lives[level], level: level)
        }
        judge(goals[0], lives[0])
    }

    private static func pyramid(_ image: GreyImage) -> [GreyImage] {
        var levels = [image]
        while let last = levels.last, min(last.width, last.height) >= 64, levels.count < 3 {
            levels.append(last.halved)
        }
        return levels
    }

    // MARK: Roughly

    /// Finds the shift roughly. Sign and place of the gradients matter, their size does not: so lighting does not
    /// either.
    private static func coarseShift(
        _ goal: GreyImage, _ live: GreyImage, isHidden: (Int, Int) -> Bool
    ) -> SIMD2<Double> {
        var a = edges(goal)
        let b = edges(live)
        let (w, h) = (goal.width, goal.height)
        for y in 0..<h {
            for x in 0..<w where isHidden(x, y) { a[y * w + x] = .zero }
        }
        let reach = max(2, Int((Double(w) * Self.reach).rounded(.up)))
        var best = (score: -Double.infinity, x: 0, y: 0)
        for dy in -reach...reach {
            for dx in -reach...reach {
                var sum: Float = 0
                var count = 0
                for y in max(1, 1 - dy)..<min(h - 1, h - 1 - dy) {
                    let (row, other) = (y * w, (y + dy) * w + dx)
                    for x in max(1, 1 - dx)..<min(w - 1, w - 1 - dx) {
                        let (p, q) = (a[row + x], b[other + x])
                        sum += p.x * q.x + p.y * q.y
                        count += 1
                    }
                }
                // Less overlap has more chance: a small price for going far.
                let score = Double(sum) / Double(max(count, 1)) - 1e-5 * Double(dx * dx + dy * dy)
                if score > best.score { best = (score, dx, dy) }
            }
        }
        return [Double(best.x), Double(best.y)]
    }

    /// Gradients of the image, scaled to a length of at most 1: those of noise stay short.
    private static func edges(_ image: GreyImage) -> [SIMD2<Float>] {
        let (w, h) = (image.width, image.height)
        var result = [SIMD2<Float>](repeating: .zero, count: w * h)
        for y in 1..<h - 1 {
            for x in 1..<w - 1 {
                let g = SIMD2(image[x + 1, y] - image[x - 1, y], image[x, y + 1] - image[x, y - 1]) * 0.5
                let length = (g * g).sum().squareRoot()
                result[y * w + x] = g / (length + 4)
            }
        }
        return result
    }

    /// Estimates gain and offset from the middle half of the brightnesses: what moved hardly moves a median.
    private static func lighting(_ goal: GreyImage, _ live: GreyImage, shift: SIMD2<Double>) -> (Double, Double) {
        let (dx, dy) = (Int(shift.x), Int(shift.y))
        var a: [Float] = []
        var b: [Float] = []
        for y in max(0, -dy)..<min(goal.height, goal.height - dy) {
            for x in max(0, -dx)..<min(goal.width, goal.width - dx) {
                a.append(goal[x, y])
                b.append(live[x + dx, y + dy])
            }
        }
        guard a.count > 16 else { return (1, 0) }
        a.sort()
        b.sort()
        let (low, high) = (a.count / 4, 3 * a.count / 4)
        let spread = Double(a[high] - a[low])
        let gain = spread > 4 ? min(max(Double(b[high] - b[low]) / spread, 0.2), 5) : 1
        return (gain, Double(b[b.count / 2]) - gain * Double(a[a.count / 2]))
    }

    // MARK: Finely

    private mutating func refine(_ goal: GreyImage, _ live: GreyImage, level: Int) {
        let size = Double(1 << level)
        let (cx, cy) = (Double(goal.width - 1) / 2, Double(goal.height - 1) / 2)
        for _ in 0..<12 {
            // Unknowns: shift x, shift y, rotation and scale (as the change of a row of half a picture), gain, offset.
            var normal = NormalEquations()
            let scaleOfTurn = 1 / cx
            let scale = tukeyScale(goal, live, level: level)
            let (c, s) = (motion.scale * cos(motion.rotation), motion.scale * sin(motion.rotation))
            for y in stride(from: 1, to: goal.height - 1, by: 1) {
                for x in stride(from: 1, to: goal.width - 1, by: 1) {
                    if isHidden(x, y, level: level) { continue }
                    let (px, py) = (Double(x) - cx, Double(y) - cy)
                    let qx = cx + c * px - s * py + motion.shift.x / size
                    let qy = cy + s * px + c * py + motion.shift.y / size
                    guard let sample = live.sample(qx, qy) else { continue }
                    let g = Double(goal[x, y])
                    let residual = sample.value - (gain * g + offset)
                    let u = residual / scale
                    guard abs(u) < 1 else { continue }
                    let weight = (1 - u * u) * (1 - u * u)
                    normal.add(
                        [
                            sample.dx, sample.dy, (sample.dx * -py + sample.dy * px) * scaleOfTurn,
                            (sample.dx * px + sample.dy * py) * scaleOfTurn, -g / 128, -1, 0, 0,
                        ], residual, weight)
                }
            }
            guard let step = normal.solution else { return }
            motion.shift -= SIMD2(step[0], step[1]) * size
            motion.rotation -= step[2] * scaleOfTurn
            motion.scale -= step[3] * scaleOfTurn
            gain -= step[4] / 128
            offset -= step[5]
            motion.scale = min(max(motion.scale, 0.8), 1.25)
            motion.rotation = min(max(motion.rotation, -0.3), 0.3)
            gain = min(max(gain, 0.1), 10)
            if abs(step[0]) + abs(step[1]) + abs(step[2]) + abs(step[3]) < 0.004 { break }
        }
    }

    /// The size from which on a residual no longer counts: 4.7 times the deviation that the median of the residuals
    /// stands for, wider while the pictures are far from each other.
    private func tukeyScale(_ goal: GreyImage, _ live: GreyImage, level: Int) -> Double {
        let size = Double(1 << level)
        let (cx, cy) = (Double(goal.width - 1) / 2, Double(goal.height - 1) / 2)
        let (c, s) = (motion.scale * cos(motion.rotation), motion.scale * sin(motion.rotation))
        var residuals: [Double] = []
        for y in stride(from: 1, to: goal.height - 1, by: 3) {
            for x in stride(from: 1, to: goal.width - 1, by: 3) {
                if isHidden(x, y, level: level) { continue }
                let (px, py) = (Double(x) - cx, Double(y) - cy)
                guard
                    let sample = live.sample(
                        cx + c * px - s * py + motion.shift.x / size, cy + s * px + c * py + motion.shift.y / size)
                else { continue }
                residuals.append(abs(sample.value - (gain * Double(goal[x, y]) + offset)))
            }
        }
        guard !residuals.isEmpty else { return 20 }
        residuals.sort()
        return min(max(4.7 * 1.4826 * residuals[residuals.count / 2], 6), 60)
    }

    // MARK: What is left

    private func isHidden(_ x: Int, _ y: Int, level: Int) -> Bool {
        !hidden.isEmpty && hidden[(y << level) * fitWidth + (x << level)]
    }

    private mutating func judge(_ goal: GreyImage, _ live: GreyImage) {
        let (cx, cy) = (Double(goal.width - 1) / 2, Double(goal.height - 1) / 2)
        let (c, s) = (motion.scale * cos(motion.rotation), motion.scale * sin(motion.rotation))
        var (seen, compared, same) = (0, 0, 0)
        agrees = []
        agrees.reserveCapacity(goal.width * goal.height)
        // The darker of both decides how large a difference can be at all.
        let limit = Self.changed * min(1, max(gain, 0.3))
        for y in 0..<goal.height {
            for x in 0..<goal.width {
                let (px, py) = (Double(x) - cx, Double(y) - cy)
                guard
                    let sample = live.sample(
                        cx + c * px - s * py + motion.shift.x, cy + s * px + c * py + motion.shift.y)
                else {
                    agrees.append(nil)
                    continue
                }
                seen += 1
                if isHidden(x, y, level: 0) {
                    agrees.append(nil)
                    continue
                }
                compared += 1
                // Half a pixel of parallax at an edge is no change of the scene.
                let slack = 0.5 * (abs(sample.dx) + abs(sample.dy))
                let isSame = abs(sample.value - (gain * Double(goal[x, y]) + offset)) < limit + slack
                if isSame { same += 1 }
                agrees.append(isSame)
            }
        }
        overlap = Double(seen) / Double(goal.width * goal.height)
        agreement = compared > 0 ? Double(same) / Double(compared) : 0
    }
}

extension GreyImage {
    /// Interpolates value and gradient between pixels, bilinear; nil outside.
    fileprivate func sample(_ x: Double, _ y: Double) -> (value: Double, dx: Double, dy: Double)? {
        guard x >= 0, y >= 0, x < Double(width - 1), y < Double(height - 1) else { return nil }
        let (ix, iy) = (Int(x), Int(y))
        let (fx, fy) = (x - Double(ix), y - Double(iy))
        let base = iy * width + ix
        let (a, b) = (Double(values[base]), Double(values[base + 1]))
        let (c, d) = (Double(values[base + width]), Double(values[base + width + 1]))
        let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx)
        return (top + (bottom - top) * fy, (b - a) * (1 - fy) + (d - c) * fy, bottom - top)
    }
}

/// A weighted least-squares problem of six unknowns.
private struct NormalEquations {
    private var matrix = [SIMD8<Double>](repeating: .zero, count: 6)
    private var right = SIMD8<Double>.zero
    private var weight = 0.0

    mutating func add(_ row: SIMD8<Double>, _ residual: Double, _ weight: Double) {
        let weighted = row * weight
        for index in 0..<6 { matrix[index] += row * weighted[index] }
        right += weighted * residual
        self.weight += weight
    }

    /// The unknowns, by Gauss with pivots; nil when the pictures say too little: too few pixels agree, or none to hold
    /// on to.
    var solution: [Double]? {
        guard weight > 50 else { return nil }
        var rows = (0..<6).map { row in (0..<6).map { matrix[row][$0] / weight } + [right[row] / weight] }
        for index in 0..<6 { rows[index][index] += 1e-6 }
        for column in 0..<6 {
            let pivot = (column..<6).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
            rows.swapAt(column, pivot)
            guard abs(rows[column][column]) > 1e-9 else { return nil }
            for row in 0..<6 where row != column {
                let factor = rows[row][column] / rows[column][column]
                for entry in column..<7 { rows[row][entry] -= factor * rows[column][entry] }
            }
        }
        return (0..<6).map { rows[$0][6] / rows[$0][$0] }
    }
}
