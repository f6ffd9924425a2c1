import ClosedLoop
import Time

/// How far goal and scene may be apart along one axis, as a measured curve says.
///
/// The rule, in three steps:
/// 1. Success cannot truly rise with the distance. So the measured shares are replaced by the non-increasing curve
///    nearest to them (least squares, each share weighted with its episodes): neighbours that rise are pooled. Source:
///    Ayer, Brunk, Ewing, Reid and Silverman, An empirical distribution function for sampling with incomplete
///    information, 1955.
/// 2. Between two measured distances the curve is a straight line.
/// 3. Amber is where the curve has fallen by a tenth of what it is at no distance, red where it has halved. A switch,
///    which has no distances, is amber or red as a whole.
///
/// Where nothing fell as far, there is no limit within what was measured. Where success at no distance is itself below
/// `leastBaseline` or was seen in fewer than `leastEpisodes` episodes, the curve says nothing.
package struct FitLimits: Equatable, Sendable {
    /// The share of its value at no distance that the curve has where each colour begins.
    package static let amberShare = 0.9
    package static let redShare = 0.5
    /// Least success rate without a distance; below it the fall of the curve is lost in chance: of 20 episodes 6 have
    /// an interval of 15 to 52 %.
    package static let leastBaseline = 0.3
    /// Fewest episodes at no distance from which a curve says something.
    package static let leastEpisodes = 10

    /// One measured distance.
    package struct Point: Equatable, Sendable {
        /// Distance in the axis' unit; 0 is none.
        package var value: Double
        package var successes: Int
        package var episodes: Int

        package init(value: Double, successes: Int, episodes: Int) {
            self.value = value
            self.successes = successes
            self.episodes = episodes
        }

        package var summary: EvaluationSummary { EvaluationSummary(successes: successes, of: episodes) }
    }

    /// Why a curve gives no limits.
    package enum Silence: Error, Equatable, CustomStringConvertible {
        case noBaseline
        case tooFewEpisodes(Int)
        case lowBaseline(Double)

        package var description: String {
            switch self {
            case .noBaseline: "success at no distance was not measured"
            case .tooFewEpisodes(let count):
                "only \(count) episodes were run at no distance, expected \(FitLimits.leastEpisodes) or more"
            case .lowBaseline(let rate):
                "only \((100 * rate).decimals(0)) % succeed at no distance, expected "
                    + "\((100 * FitLimits.leastBaseline).decimals(0)) % or more"
            }
        }
    }

    /// Distances from which on a goal is amber, and red, in the axis' unit; nil: success did not fall so far as
    /// measured.
    package let amber: Double?
    package let red: Double?
    /// The largest distance that was measured.
    package let measuredTo: Double
    /// The non-increasing curve, at the measured distances.
    package let curve: [(value: Double, rate: Double)]

    package static func == (a: Self, b: Self) -> Bool {
        a.amber == b.amber && a.red == b.red && a.measuredTo == b.measuredTo
            && a.curve.elementsEqual(b.curve) { $0.value == $1.value && $0.rate == $1.rate }
    }

    /// Finds the distances at which success falls.
    /// - Parameters:
    ///   - points: the measured distances in any order; those without episodes are passed over.
    ///   - isSwitch: whether there is nothing between the distances.
    package init(_ points: [Point], isSwitch: Bool = false) throws(Silence) {
        let points = points.filter { $0.episodes > 0 }.sorted { $0.value < $1.value }
        guard let first = points.first, first.value == 0 else { throw .noBaseline }
        guard first.episodes >= Self.leastEpisodes else { throw .tooFewEpisodes(first.episodes) }
        guard first.summary.rate >= Self.leastBaseline else { throw .lowBaseline(first.summary.rate) }
        let rates = Self.nonIncreasing(points.map { ($0.summary.rate, Double($0.episodes)) })
        let curve = zip(points, rates).map { (value: $0.value, rate: $1) }
        self.curve = curve
        measuredTo = curve.last?.value ?? 0
        let baseline = rates.first ?? 0
        amber = Self.crossing(curve, Self.amberShare * baseline, isSwitch: isSwitch)
        red = Self.crossing(curve, Self.redShare * baseline, isSwitch: isSwitch)
    }

    /// The non-increasing numbers nearest to `values`, by pooling adjacent violators.
    package static func nonIncreasing(_ values: [(value: Double, weight: Double)]) -> [Double] {
        var pools: [(mean: Double, weight: Double, count: Int)] = []
        for (value, weight) in values {
            pools.append((value, weight, 1))
            while pools.count > 1, pools[pools.count - 1].mean > pools[pools.count - 2].mean {
                let last = pools.removeLast()
                let before = pools.removeLast()
                let sum = last.weight + before.weight
                pools.append(
                    ((before.mean * before.weight + last.mean * last.weight) / sum, sum, before.count + last.count))
            }
        }
        return pools.flatMap { Array(repeating: $0.mean, count: $0.count) }
    }

    /// The first distance at which the curve has come down to `level`.
    private static func crossing(_ curve: [(value: Double, rate: Double)], _ level: Double, isSwitch: Bool) -> Double? {
        // A share of a sum of fractions: what is equal on paper must not miss by rounding.
        let level = level + 1e-9
        guard let index = curve.firstIndex(where: { $0.rate <= level }), index > 0 else { return nil }
        let (before, after) = (curve[index - 1], curve[index])
        if isSwitch { return after.value }
        let share = min(max((before.rate - level) / (before.rate - after.rate), 0), 1)
        return before.value + share * (after.value - before.value)
    }
}
