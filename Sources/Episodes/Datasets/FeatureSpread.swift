import Images

/// How a feature of a LeRobot dataset is spread: what its `stats.json` has.
struct FeatureSpread {
    var minimum: [Double]
    var maximum: [Double]
    var mean: [Double]
    /// Standard deviation of the population.
    var deviation: [Double]
    /// Quantiles at 1, 10, 50, 90 and 99 %.
    var quantiles: [[Double]]
    var count: Int

    static let quantileNames = ["q01", "q10", "q50", "q90", "q99"]
    private static let parts = [0.01, 0.1, 0.5, 0.9, 0.99]

    /// Computes how the values of each dimension are spread.
    /// - Parameter dimensions: values at all timesteps, at least one, by dimension.
    init(_ dimensions: [[Double]]) {
        let columns = dimensions.map { $0.sorted() }
        minimum = columns.map { $0.first ?? 0 }
        maximum = columns.map { $0.last ?? 0 }
        mean = columns.map { $0.reduce(0, +) / Double(max(1, $0.count)) }
        let means = mean
        deviation = columns.enumerated().map { index, values in
            (values.reduce(0) { $0 + ($1 - means[index]) * ($1 - means[index]) } / Double(max(1, values.count)))
                .squareRoot()
        }
        quantiles = Self.parts.map { part in columns.map { DatasetStatistics.quantile(part, ofSorted: $0) } }
        count = dimensions.first?.count ?? 0
    }

    /// Describes the pixels of pictures, by colour, 0...1. The quantiles are those of the 256 levels.
    init(_ levels: ColourLevels) {
        minimum = levels.counts.map { counts in Double(counts.firstIndex { $0 > 0 } ?? 0) / 255 }
        maximum = levels.counts.map { counts in Double(counts.lastIndex { $0 > 0 } ?? 0) / 255 }
        let totals = levels.counts.map { Double(max(1, $0.reduce(0, +))) }
        mean = zip(levels.counts, totals).map { counts, total in
            counts.enumerated().reduce(0) { $0 + Double($1.offset) / 255 * Double($1.element) } / total
        }
        let means = mean
        deviation = levels.counts.indices.map { colour in
            let sum = levels.counts[colour].enumerated().reduce(0) { sum, level in
                let difference = Double(level.offset) / 255 - means[colour]
                return sum + difference * difference * Double(level.element)
            }
            return (sum / totals[colour]).squareRoot()
        }
        quantiles = Self.parts.map { part in
            levels.counts.indices.map { colour in
                var below = 0.0
                for (level, count) in levels.counts[colour].enumerated() {
                    below += Double(count)
                    if below >= part * totals[colour] { return Double(level) / 255 }
                }
                return 1
            }
        }
        count = levels.pictures
    }
}

/// How often each level of each colour comes in pictures.
struct ColourLevels {
    /// Number of pixels by colour and level.
    private(set) var counts = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 3)
    private(set) var pictures = 0

    mutating func add(_ other: ColourLevels) {
        pictures += other.pictures
        for colour in counts.indices {
            for level in counts[colour].indices { counts[colour][level] += other.counts[colour][level] }
        }
    }

    mutating func add(_ image: RGBImage) {
        pictures += 1
        withExtendedLifetime(image.pixels) {
            // The pointer does not leave the call; a picture has three bytes for each pixel.
            let bytes = image.pixels.bytes
            for start in stride(from: 0, to: bytes.count - 2, by: 3) {
                for colour in 0..<3 { counts[colour][Int(bytes[start + colour])] += 1 }
            }
        }
    }
}
