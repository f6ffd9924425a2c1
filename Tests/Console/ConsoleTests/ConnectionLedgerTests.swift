import Console
import Testing
import Time

@Suite struct ConnectionLedgerTests {
    private typealias Ledger = ConnectionLedger
    private let id = Ledger.ID(descriptor: 9, inode: 100)
    private let peer = Ledger.Peer(address: "10.0.0.1", port: 5_000)

    private func time(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }
    private func traffic(_ received: Int64, taken: Int64 = 0) -> Ledger.Traffic {
        .init(received: received, taken: taken)
    }

    private func opened() -> Ledger {
        var ledger = Ledger()
        #expect(ledger.opened(id, from: peer, at: .zero) == nil)
        return ledger
    }

    @Test(arguments: [0, 1, 1_000] as [Int64]) func aRequestComesWholeInTenSeconds(received: Int64) {
        var ledger = opened()
        #expect(ledger.look(at: id, traffic: traffic(received), at: time(5)) == nil)
        // A byte now and then changes nothing.
        #expect(ledger.look(at: id, traffic: traffic(received + 1), at: time(9.9)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(received + 2), at: time(10)) == .noWholeRequest)
        #expect(ledger.requestArrived(id, received: received + 3) == false)
    }

    @Test func betweenRequestsAConnectionMayRest() {
        var ledger = opened()
        #expect(ledger.requestArrived(id, received: 300) == true)
        // However long the answer takes.
        #expect(ledger.look(at: id, traffic: traffic(300), at: time(100)) == nil)
        ledger.waitsToRead(id, at: time(100))
        #expect(ledger.look(at: id, traffic: traffic(300), at: time(159.9)) == nil)
        var idle = ledger
        #expect(idle.look(at: id, traffic: traffic(300), at: time(160)) == .idle)
        // The next request has its own ten seconds.
        #expect(ledger.look(at: id, traffic: traffic(301), at: time(159.95)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(302), at: time(169.9)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(302), at: time(169.95)) == .noWholeRequest)
    }

    @Test func aLongHeadEndsItsConnection() {
        var ledger = opened()
        let limit = Int64(ServerLimits.headBytes)
        #expect(ledger.look(at: id, traffic: traffic(limit), at: time(0.1)) == nil)
        #expect(ledger.headArrived(id, received: limit, at: time(0.2)) == true)
        #expect(ledger.requestArrived(id, received: limit) == true)
        ledger.waitsToRead(id, at: time(1))
        // What counts is what came since the last.
        #expect(ledger.look(at: id, traffic: traffic(2 * limit), at: time(1.1)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(2 * limit + 1), at: time(1.2)) == .tooLongHead)
        #expect(ledger.headArrived(id, received: 2 * limit + 1, at: time(1.3)) == false)
    }

    @Test func aBodyHasALimitAndTimeOfItsOwn() {
        var ledger = opened()
        let limit = Int64(ServerLimits.bodyBytes)
        #expect(ledger.headArrived(id, received: 500, at: time(9)) == true)
        // Waiting for it is no waiting for the next request.
        ledger.waitsToRead(id, at: time(9))
        #expect(ledger.look(at: id, traffic: traffic(500 + limit), at: time(18.9)) == nil)
        var slow = ledger
        #expect(slow.look(at: id, traffic: traffic(600), at: time(19)) == .noWholeRequest)
        #expect(ledger.look(at: id, traffic: traffic(501 + limit), at: time(10)) == .tooLongBody)
    }

    @Test func aWebSocketMayBeQuietButNotSayTooMuchAtOnce() {
        var ledger = opened()
        let limit = Int64(ServerLimits.messageBytes)
        #expect(ledger.requestArrived(id, received: 500) == true)
        ledger.upgraded(id)
        ledger.waitsToRead(id, at: time(1))
        #expect(ledger.look(at: id, traffic: traffic(600), at: time(10_000)) == nil)
        #expect(ledger.messageArrived(id, received: 600) == true)
        #expect(ledger.look(at: id, traffic: traffic(600 + limit), at: time(10_001)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(601 + limit), at: time(10_002)) == .tooLongMessage)
        #expect(ledger.messageArrived(id, received: 700 + limit) == false)
    }

    @Test func whoTakesNothingForTwentySecondsIsLeft() {
        var ledger = opened()
        #expect(ledger.requestArrived(id, received: 500) == true)
        ledger.upgraded(id)
        ledger.waitsToWrite(id, true, at: time(1))
        #expect(ledger.look(at: id, traffic: traffic(500, taken: 10), at: time(2)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(500, taken: 10), at: time(21.9)) == nil)
        var stalled = ledger
        #expect(stalled.look(at: id, traffic: traffic(500, taken: 10), at: time(22)) == .nothingTaken)
        // A little that is taken is enough.
        #expect(ledger.look(at: id, traffic: traffic(500, taken: 11), at: time(22)) == nil)
        #expect(ledger.look(at: id, traffic: traffic(500, taken: 11), at: time(41.9)) == nil)
        // Nothing to write, nothing to take.
        ledger.waitsToWrite(id, false, at: time(41.9))
        #expect(ledger.look(at: id, traffic: traffic(500, taken: 11), at: time(99)) == nil)
    }

    @Test func afterARefusedBodyNothingIsARequest() {
        var ledger = opened()
        #expect(ledger.requestArrived(id, received: 300) == true)
        ledger.refuseRest(id, at: time(1))
        #expect(ledger.requestArrived(id, received: 400) == false)
        #expect(ledger.isEnding(id))
        // The answer has its time to go out.
        #expect(ledger.look(at: id, traffic: traffic(400), at: time(1.9)) == nil)
        ledger.waitsToRead(id, at: time(1.9))
        #expect(ledger.look(at: id, traffic: traffic(400), at: time(2)) == .restUnread)
    }

    @Test func afterARefusedBodyLittleMoreIsTaken() {
        var ledger = opened()
        #expect(ledger.requestArrived(id, received: 300) == true)
        ledger.refuseRest(id, at: time(1))
        let more = traffic(301 + Int64(ServerLimits.bodyBytes))
        #expect(ledger.look(at: id, traffic: more, at: time(1.1)) == .restUnread)
    }

    @Test func thereAreOnlySoManyConnections() {
        var ledger = Ledger()
        for index in 0..<ServerLimits.connections {
            let id = Ledger.ID(descriptor: Int32(index), inode: UInt64(index))
            #expect(ledger.opened(id, from: .init(address: "10.0.\(index).1", port: 1), at: .zero) == nil)
            #expect(ledger.requestArrived(id, received: 10) == true)
        }
        #expect(ledger.isFull)
        let surplus = Ledger.ID(descriptor: 500, inode: 500)
        #expect(ledger.opened(surplus, from: .init(address: "10.2.0.1", port: 1), at: .zero) == .tooMany)
        #expect(ledger.look(at: surplus, traffic: traffic(0), at: .zero) == .tooMany)
        #expect(ledger.requestArrived(surplus, received: 10) == false)
        ledger.closed(surplus)
        #expect(!ledger.isOpen(surplus))
        // A place that becomes free is the next one's.
        ledger.closed(Ledger.ID(descriptor: 3, inode: 3))
        #expect(ledger.opened(surplus, from: .init(address: "10.2.0.1", port: 2), at: .zero) == nil)
    }

    @Test func anAddressHasOnlySoMany() {
        var ledger = Ledger()
        let ids = (0...ServerLimits.connectionsPerAddress).map { Ledger.ID(descriptor: Int32($0), inode: UInt64($0)) }
        for (index, id) in ids.enumerated() {
            let ending = ledger.opened(id, from: .init(address: "10.0.0.1", port: UInt16(index)), at: .zero)
            if ending == nil { #expect(ledger.requestArrived(id, received: 10) == true) }
            #expect(ending == (index < ServerLimits.connectionsPerAddress ? nil : .tooManyOfAddress))
        }
        let other = Ledger.ID(descriptor: 900, inode: 900)
        #expect(ledger.opened(other, from: .init(address: "10.0.0.2", port: 1), at: .zero) == nil)
        for id in ids { ledger.closed(id) }
        #expect(ledger.opened(ids[0], from: .init(address: "10.0.0.1", port: 1), at: .zero) == nil)
    }

    @Test func whoeverSaysNothingMakesRoomForTheNext() {
        var ledger = Ledger()
        let ids = (0..<200).map { Ledger.ID(descriptor: Int32($0), inode: UInt64($0)) }
        for (index, id) in ids.enumerated() {
            #expect(
                ledger.opened(id, from: .init(address: "10.0.0.1", port: UInt16(index)), at: time(Double(index))) == nil
            )
        }
        let ended = ids.filter { ledger.isEnding($0) }
        #expect(ended == Array(ids.prefix(200 - ServerLimits.connectionsPerAddress)), "the oldest")
        #expect(ledger.look(at: ids[0], traffic: traffic(0), at: time(200)) == .tooManyOfAddress)
        // One that has asked keeps its place.
        #expect(ledger.requestArrived(ids[199], received: 10) == true)
        for index in 200..<400 {
            let id = Ledger.ID(descriptor: Int32(index), inode: UInt64(index))
            #expect(
                ledger.opened(id, from: .init(address: "10.0.0.1", port: UInt16(index)), at: time(Double(index))) == nil
            )
        }
        #expect(!ledger.isEnding(ids[199]))
    }

    @Test func aDescriptorThatIsUsedAgainIsAnotherConnection() {
        var ledger = opened()
        ledger.closed(id)
        let next = Ledger.ID(descriptor: id.descriptor, inode: 101)
        #expect(ledger.opened(next, from: peer, at: time(9)) == nil)
        #expect(!ledger.isOpen(id))
        #expect(ledger.id(of: peer) == next)
        // What is still said of the former does not touch it.
        ledger.closed(id)
        ledger.refuseRest(id, at: time(9))
        #expect(ledger.requestArrived(id, received: 1) == false)
        #expect(ledger.look(at: id, traffic: traffic(.max), at: time(99)) == nil)
        #expect(ledger.look(at: next, traffic: traffic(1), at: time(18.9)) == nil)
        #expect(ledger.requestArrived(next, received: 1) == true)
    }

    @Test func aPeerThatComesAgainUnseenTakesItsOwnPlace() {
        var ledger = opened()
        let next = Ledger.ID(descriptor: 12, inode: 102)
        #expect(ledger.opened(next, from: peer, at: time(1)) == nil)
        #expect(ledger.count == 1)
        #expect(ledger.id(of: peer) == next)
    }
}
