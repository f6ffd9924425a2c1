import Bus
import Messages
import NodeShell
import Testing
import Time
import Wire

/// When a node says how it is, and what its connection adds to that.
@Suite struct StatusPaceTests {
    private func time(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    @Test func aStatusIsDueAtOnceAndThenTwiceASecond() {
        var pace = StatusPace(.starting, at: .zero)
        var due: [Int64] = []
        for now in stride(from: Int64(0), through: 2_000, by: 10) where pace.take(.starting, at: time(now)).isDue {
            due.append(now)
        }
        #expect(due == [0, 500, 1_000, 1_500, 2_000])
    }

    @Test func anotherStateIsDueAtOnceAndIsNews() {
        var pace = StatusPace(.starting, at: .zero)
        #expect(pace.take(.starting, at: .zero) == (true, false))
        #expect(pace.take(.ready, at: time(100)) == (true, true))
        #expect(pace.take(.ready, at: time(110)) == (false, false))
        // Half a second after the last one, whatever it was for.
        #expect(pace.nextTime == time(600) && pace.state == .ready)
        #expect(pace.take(.ready, at: time(599)) == (false, false))
        #expect(pace.take(.ready, at: time(600)) == (true, false))
    }

    @Test func aNodeThatComesLateSaysItOnce() {
        var pace = StatusPace(.ready, at: .zero)
        _ = pace.take(.ready, at: .zero)
        #expect(pace.take(.ready, at: time(10_000)).isDue)
        #expect(!pace.take(.ready, at: time(10_010)).isDue)
        #expect(pace.nextTime == time(10_500))
    }

    @Test func aNodeThatStopsGetsOnAsLongAsLessIsLeftThanEver() {
        var progress = StopProgress()
        let left: [Int?] = [nil, 500, 500, 499, 700, 600, 499, 10, nil, 0, 0]
        #expect(
            left.map { progress.getsOn(with: $0) }
                == [false, true, false, true, false, false, false, true, false, true, false])
    }

    @Test func whatTheConnectionCountedIsInTheStatus() {
        var statistics = BusStatistics()
        var received = BusStatistics.Received()
        (received.lost, received.queueDropped, received.superseded) = (3, 4, 5)
        (received.malformed, received.unknown) = (6, 7)
        statistics.received = ["goal/current": received]
        statistics.published = ["b": 2, "a": 1]
        let status = NodeStatus(
            node: "x", processID: 0, state: .ready, headline: "well", counters: [.init(name: "own", value: 9)])
        let complete = status.completed(by: "arm", processID: 77, statistics)
        #expect(complete.node == "arm" && complete.processID == 77 && complete.headline == "well")
        #expect(
            complete.counters.map { "\($0.name)=\($0.value)" }
                == ["own=9", "bus_lost=7", "bus_superseded=5", "bus_malformed=13", "sent a=1", "sent b=2"])
    }

    @Test func aCounterThatCannotBeSaidIsSaidAsTheLargest() {
        let status = NodeStatus(
            node: "x", processID: 0, state: .ready, headline: "",
            counters: [.init(name: "up", value: .max), .init(name: "down", value: .min)])
        let complete = status.completed(by: "arm", processID: 1, BusStatistics())
        #expect(complete.counters[0].value == NodeStatus.largestCounter)
        #expect(complete.counters[1].value == -NodeStatus.largestCounter)
    }
}
