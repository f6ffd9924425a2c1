import Evaluation
import Testing

@Suite struct DerangementTests {
    @Test(arguments: [2, 3, 5, 20, 100])
    func nothingStaysInItsPlaceAndEverythingComesOnce(count: Int) throws {
        for seed in 0..<20 as Range<UInt64> {
            let places = try #require(Derangement.cycle(of: count, seed: seed))
            #expect(places.indices.allSatisfy { places[$0] != $0 }, "seed \(seed)")
            #expect(places.sorted() == Array(0..<count), "seed \(seed)")
        }
    }

    @Test func theSeedDecides() {
        #expect(Derangement.cycle(of: 20, seed: 4) == Derangement.cycle(of: 20, seed: 4))
        #expect(Derangement.cycle(of: 20, seed: 4) != Derangement.cycle(of: 20, seed: 5))
    }

    @Test(arguments: [0, 1])
    func fewerThanTwoHaveNone(count: Int) { #expect(Derangement.cycle(of: count, seed: 1) == nil) }
}
