import Demonstrations
import Synchronization
import Testing

@Suite struct OrderedWorkTests {
    private struct Trouble: Error, Equatable { let index: Int }

    @Test(arguments: [1, 2, 7]) func resultsComeInOrderWhateverTheThreads(threads: Int) throws {
        for count in [0, 1, 5, 100] {
            var taken: [Int] = []
            try OrderedWork.run(count, threads: threads) { index in
                // The first ones take longest.
                (0..<(count - index) * 200).reduce(index) { sum, _ in sum }
            } take: {
                taken.append($0)
            }
            #expect(taken == Array(0..<count))
        }
    }

    @Test(arguments: [1, 2, 7]) func theFirstErrorInOrderEndsIt(threads: Int) {
        let running = Mutex(0)
        var taken: [Int] = []
        #expect(throws: Trouble(index: 9)) {
            try OrderedWork.run(1_000, threads: threads) { index in
                running.withLock { $0 += 1 }
                defer { running.withLock { $0 -= 1 } }
                if index >= 9 { throw Trouble(index: index) }
                return index
            } take: {
                taken.append($0)
            }
        }
        #expect(taken == Array(0..<9))
        #expect(running.withLock { $0 } == 0, "nothing is under way any more")
    }

    @Test func whoeverTakesMayEndItToo() {
        #expect(throws: Trouble(index: 3)) {
            try OrderedWork.run(1_000, threads: 3) {
                $0
            } take: {
                if $0 == 3 { throw Trouble(index: 3) }
            }
        }
    }

    @Test func noThreadRunsFarAhead() throws {
        let begun = Mutex(0)
        var taken = 0
        try OrderedWork.run(200, threads: 2) { index in
            begun.withLock { $0 = max($0, index) }
            return index
        } take: { index in
            #expect(begun.withLock { $0 } <= taken + 2 * 4 + 1)
            taken = index + 1
        }
    }
}
