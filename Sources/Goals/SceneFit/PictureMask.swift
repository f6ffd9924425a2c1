/// What is known to have moved, and so says nothing about the camera or the scene: discs in a picture.
package struct PictureMask: Equatable, Sendable {
    /// A disc in a picture, in pixels.
    package struct Disc: Equatable, Sendable {
        /// Place of the centre, pixels from the upper left corner.
        package var centre: SIMD2<Double>
        /// Radius of the disc, pixels.
        package var radius: Double

        package init(centre: SIMD2<Double>, radius: Double) {
            self.centre = centre
            self.radius = radius
        }
    }
    package var discs: [Disc]

    package init(discs: [Disc] = []) { self.discs = discs }

    /// A mask that hides more than this share leaves nothing to compare.
    private static let largestShare = 0.85

    /// One for each pixel, rows from the top: whether it is hidden; empty when none is, or nothing else would be left.
    /// - Parameter factor: number of pixels of the mask to one of the picture asked for.
    func covered(width: Int, height: Int, factor: Double) -> [Bool] {
        guard !discs.isEmpty else { return [] }
        var covered = [Bool](repeating: false, count: width * height)
        for disc in discs {
            // A pixel's middle is at whole numbers; those of a halved picture lie between four.
            let centre = (disc.centre - (factor - 1) / 2) / factor
            let radius = disc.radius / factor
            guard centre.x.isFinite, centre.y.isFinite, radius.isFinite, radius > 0 else { continue }
            let top = max(0, Int(max(centre.y - radius, 0)))
            let bottom = Int(min(centre.y + radius, Double(height - 1)))
            guard top <= bottom else { continue }
            for y in top...bottom {
                let dy = Double(y) - centre.y
                let half = max(radius * radius - dy * dy, 0).squareRoot()
                let (left, right) = (Int(max(centre.x - half, 0)), Int(min(centre.x + half, Double(width - 1))))
                guard left <= right else { continue }
                for x in left...right { covered[y * width + x] = true }
            }
        }
        let share = Double(covered.count { $0 }) / Double(max(covered.count, 1))
        return share > 0 && share <= Self.largestShare ? covered : []
    }
}
