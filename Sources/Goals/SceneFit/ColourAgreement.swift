import Foundation
import Images

/// Whether two pictures of one scene have the same colours, whatever their brightness: red and blue in each other's
/// place, or no colour at all, is the commonest fault between a camera and a picture from elsewhere, and brightness
/// alone hardly shows it.
///
/// Colour is what a pixel's red and blue are above its green. It is compared place by place, in coarse cells; where
/// most of the picture is grey, also by how much of each hue there is: a coloured thing that went elsewhere on a grey
/// table changes the first, a channel that was swapped both.
struct ColourAgreement: Equatable, Sendable {
    /// How well the colours agree, 1 the same, 0 others; nil where neither picture has enough colour.
    let agreement: Double?
    /// Agreement once the goal's red and blue are exchanged; 0...1.
    let agreementSwapped: Double
    /// How strong the goal's colours are as a share of the live picture's.
    let strength: Double

    /// Whether exchanging red and blue makes the goal's colours those of the live picture.
    var isSwapped: Bool { agreement.map { agreementSwapped > 0.7 && agreementSwapped > $0 + 0.25 } ?? false }

    private static let cells = 32
    private static let hues = 12
    /// Root mean square of red and blue above green, of 255, from which a picture has colour; a camera's noise is
    /// below.
    private static let faint = 6.0
    /// Length of a pixel's (red, blue) above green, of 255, from which its hue counts.
    private static let hueful = 14.0
    /// Share of cells that have colour from which things that moved cannot be all the difference.
    private static let mostly = 0.3

    init(goal: RGBImage, live: RGBImage) {
        let (a, b) = (Palette(goal), Palette(live))
        strength = b.energy > 0 ? (a.energy / b.energy).squareRoot() : 1
        guard max(a.energy, b.energy) >= Self.faint * Self.faint else {
            (agreement, agreementSwapped) = (nil, 0)
            return
        }
        agreement = a.agreement(with: b)
        agreementSwapped = a.swapped.agreement(with: b)
    }

    /// A picture's colours, reduced to what is compared.
    private struct Palette {
        /// Mean of red and blue above green in each cell.
        var cells = [SIMD2<Double>](repeating: .zero, count: ColourAgreement.cells * ColourAgreement.cells)
        /// How much colour there is of each hue; adds up to 1, or all are 0.
        var hues = [Double](repeating: 0, count: ColourAgreement.hues)
        /// Mean square.
        var energy = 0.0

        init(_ image: RGBImage) {
            var counts = [Double](repeating: 0, count: cells.count)
            let side = ColourAgreement.cells
            withExtendedLifetime(image.pixels) {
                let bytes = image.pixels.bytes
                for y in stride(from: 0, to: image.height, by: max(1, image.height / 128)) {
                    for x in stride(from: 0, to: image.width, by: max(1, image.width / 128)) {
                        let at = 3 * (y * image.width + x)
                        let green = Double(bytes[at + 1])
                        let colour = SIMD2(Double(bytes[at]) - green, Double(bytes[at + 2]) - green)
                        let cell = (y * side / image.height) * side + x * side / image.width
                        cells[cell] += colour
                        counts[cell] += 1
                        energy += (colour * colour).sum()
                        addHue(of: colour)
                    }
                }
            }
            for index in cells.indices where counts[index] > 0 { cells[index] /= counts[index] }
            energy /= max(1, counts.reduce(0, +))
            let sum = hues.reduce(0, +)
            if sum > 0 { for index in hues.indices { hues[index] /= sum } }
        }

        /// Adds a pixel to the two hues nearest to its own, each with its share, so that a slight change of the light
        /// changes little.
        private mutating func addHue(of colour: SIMD2<Double>) {
            let strength = (colour * colour).sum().squareRoot()
            guard strength >= ColourAgreement.hueful else { return }
            let turn =
                (atan2(colour.y, colour.x) / (2 * .pi) + 1).truncatingRemainder(dividingBy: 1) * Double(hues.count)
            let (lower, share) = (Int(turn) % hues.count, turn - turn.rounded(.down))
            hues[lower] += strength * (1 - share)
            hues[(lower + 1) % hues.count] += strength * share
        }

        /// The palette with red and blue exchanged.
        var swapped: Palette {
            var result = self
            for index in cells.indices { result.cells[index] = SIMD2(cells[index].y, cells[index].x) }
            // The hue of a quarter turn less.
            for index in hues.indices {
                result.hues[index] = hues[((hues.count / 4 - index) % hues.count + hues.count) % hues.count]
            }
            return result
        }

        func agreement(with other: Palette) -> Double {
            var (both, own, others) = (0.0, 0.0, 0.0)
            var coloured = 0
            let limit = ColourAgreement.hueful * ColourAgreement.hueful
            for (a, b) in zip(cells, other.cells) {
                if max((a * a).sum(), (b * b).sum()) >= limit { coloured += 1 }
                both += (a * b).sum()
                own += (a * a).sum()
                others += (b * b).sum()
            }
            let byPlace = own > 0 && others > 0 ? both / (own * others).squareRoot() : 0
            if Double(coloured) >= ColourAgreement.mostly * Double(cells.count) { return min(byPlace, 1) }
            let byHue = zip(hues, other.hues).reduce(0) { $0 + min($1.0, $1.1) }
            return min(max(byPlace, byHue), 1)
        }
    }
}
