import Images
import TestSupport
import Testing

@Suite struct PictureSheetTests {
    @Test func aFrameLiesOverTheEdgeAndLeavesTheRest() {
        var random = SeededGenerator(seed: 4)
        let picture = RGBImage.noise(width: 7, height: 5, using: &random)
        let framed = picture.framed(in: [1, 2, 3], width: 2)
        #expect(framed.width == 7 && framed.height == 5)
        let (before, after) = (picture.pixels.array, framed.pixels.array)
        for y in 0..<5 {
            for x in 0..<7 {
                let place = (y * 7 + x) * 3
                let isInside = (2...4).contains(x) && y == 2
                #expect(
                    Array(after[place..<place + 3]) == (isInside ? Array(before[place..<place + 3]) : [1, 2, 3]),
                    "\(x), \(y)")
            }
        }
    }

    @Test func aLabelStandsAboveThePictureAndTakesNothingOfIt() {
        var random = SeededGenerator(seed: 6)
        let picture = RGBImage.noise(width: 40, height: 6, using: &random)
        let labelled = picture.labelled("3.5 s")
        #expect(labelled.width == 40 && labelled.height > 6 + 10)
        #expect(labelled.pixels.array.suffix(40 * 6 * 3) == picture.pixels.array[...])
        #expect(labelled != picture.labelled("3.6 s") && picture.labelled("").height == labelled.height)
    }

    @Test func picturesStandRowByRow() throws {
        var random = SeededGenerator(seed: 5)
        let pictures = (0..<3).map { _ in RGBImage.noise(width: 3, height: 2, using: &random) }
        let sheet = try #require(RGBImage.tiled(pictures, columns: 2, gap: 1))
        #expect(sheet.width == 9 && sheet.height == 7)
        let pixels = sheet.pixels.array
        func pixel(_ x: Int, _ y: Int) -> [UInt8] { Array(pixels[(y * 9 + x) * 3..<(y * 9 + x) * 3 + 3]) }
        #expect(pixel(0, 0) == [128, 128, 128])
        #expect(
            pixel(1, 1) == Array(pictures[0].pixels.array[..<3]) && pixel(5, 1) == Array(pictures[1].pixels.array[..<3])
        )
        #expect(
            pixel(1, 4) == Array(pictures[2].pixels.array[..<3]) && pixel(5, 4) == [128, 128, 128],
            "the last place is empty")
        #expect(RGBImage.tiled([], columns: 2) == nil)
    }
}
