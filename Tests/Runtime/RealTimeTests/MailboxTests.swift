import RealTime
import Synchronization
import TestSupport
import Testing

/// A value that shows when halves of two writes were mixed: all its numbers are equal.
private struct Wide: BitwiseCopyable, Sendable {
    private var numbers: InlineArray<64, UInt64>
    init(_ number: UInt64) { numbers = InlineArray(repeating: number) }
    var number: UInt64? {
        for index in 1..<64 where numbers[index] != numbers[0] { return nil }
        return numbers[0]
    }
}

@Suite struct LatestMailboxTests {
    @Test func isEmptyUntilSomethingWasPut() {
        let mailbox = LatestMailbox(initial: 0)
        #expect(mailbox.take() == nil)
        mailbox.put(7)
        #expect(mailbox.take() == 7)
        #expect(mailbox.take() == nil)
    }

    @Test func keepsTheNewestOnly() {
        let mailbox = LatestMailbox(initial: 0)
        for number in 1...10 { mailbox.put(number) }
        #expect(mailbox.take() == 10)
        #expect(mailbox.take() == nil)
    }

    @Test func agreesWithASingleVariableForAnyOrderOfCalls() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let mailbox = LatestMailbox(initial: -1)
        var model: Int?
        for number in 0..<20_000 {
            if Bool.random(using: &random) {
                mailbox.put(number)
                model = number
            } else {
                #expect(mailbox.take() == model, "seed \(random.seed)")
                model = nil
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func neverTearsOrGoesBackBetweenTwoThreads() throws {
        let mailbox = LatestMailbox(initial: Wide(0))
        let last: UInt64 = 200_000
        let writer = RealTimeThread("writer", rights: .none) {
            for number in 1...last { mailbox.put(Wide(number)) }
        }
        _ = try writer.start()
        var seen: UInt64 = 0
        var torn = 0
        var backwards = 0
        while seen < last {
            guard let wide = mailbox.take() else { continue }
            guard let number = wide.number else {
                torn += 1
                continue
            }
            if number <= seen { backwards += 1 }
            seen = number
        }
        writer.join()
        #expect(torn == 0)
        #expect(backwards == 0)
        #expect(seen == last, "the newest value arrives in the end")
    }
}

@Suite struct EventRingTests {
    @Test func handsOutInOrder() {
        let ring = EventRing<Int>(capacity: 4)
        #expect(ring.pop() == nil)
        for number in 1...3 { #expect(ring.push(number)) }
        #expect(ring.pop() == 1)
        #expect(ring.pop() == 2)
        #expect(ring.pop() == 3)
        #expect(ring.pop() == nil)
    }

    @Test func countsWhatItDropsWhenFull() {
        let ring = EventRing<Int>(capacity: 3)
        #expect(ring.capacity == 4, "rounded up to a power of two")
        for number in 0..<6 { #expect(ring.push(number) == (number < 4)) }
        #expect(ring.dropped == 2)
        #expect(ring.pop() == 0)
        #expect(ring.push(6))
        #expect((0..<5).map { _ in ring.pop() } == [1, 2, 3, 6, nil])
    }

    @Test func agreesWithAQueueForAnyOrderOfCalls() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let ring = EventRing<Int>(capacity: 8)
        var model: [Int] = []
        var dropped: Int64 = 0
        for number in 0..<20_000 {
            if Bool.random(using: &random) {
                let isFull = model.count == ring.capacity
                #expect(ring.push(number) == !isFull, "seed \(random.seed)")
                if isFull { dropped += 1 } else { model.append(number) }
            } else {
                #expect(ring.pop() == (model.isEmpty ? nil : model.removeFirst()), "seed \(random.seed)")
            }
        }
        #expect(ring.dropped == dropped, "seed \(random.seed)")
    }

    @Test(.timeLimit(.minutes(1)), arguments: [1, 2, 64])
    func losesAndReordersNothingItAcceptedBetweenTwoThreads(capacity: Int) throws {
        let ring = EventRing<Wide>(capacity: capacity)
        let last: UInt64 = 100_000
        final class Shared: Sendable {
            let accepted = Atomic<UInt64>(0)
            let isDone = Atomic<Bool>(false)
        }
        let shared = Shared()
        let writer = RealTimeThread("writer", rights: .none) {
            for number in 1...last where ring.push(Wide(number)) { shared.accepted.add(1, ordering: .relaxed) }
            shared.isDone.store(true, ordering: .releasing)
        }
        _ = try writer.start()
        var seen: UInt64 = 0
        var received: UInt64 = 0
        var torn = 0
        var disordered = 0
        while true {
            let wasDone = shared.isDone.load(ordering: .acquiring)
            guard let wide = ring.pop() else {
                if wasDone { break }
                continue
            }
            received += 1
            guard let number = wide.number else {
                torn += 1
                continue
            }
            if number <= seen { disordered += 1 }
            seen = number
        }
        writer.join()
        #expect(torn == 0)
        #expect(disordered == 0)
        #expect(received == shared.accepted.load(ordering: .relaxed))
        #expect(received + UInt64(ring.dropped) == last)
    }

    @Test func refusesACapacityOfNone() async {
        await #expect(processExitsWith: .failure) { _ = EventRing<Int>(capacity: 0) }
    }
}
