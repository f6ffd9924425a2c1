import Bus
import Testing
import Time
import Wire

@Suite struct TopicMeterTests {
    private func envelope(
        _ sequence: UInt64, published: Int64 = 0, captured: Int64? = nil, instance: UInt64 = 1
    ) -> Envelope {
        Envelope(
            schema: "octo.CameraFrame", sequence: sequence,
            captureTime: captured.map { MonotonicTime(nanoseconds: $0 * 1_000_000) },
            publishTime: MonotonicTime(nanoseconds: published * 1_000_000), sourceNode: "camera", instanceID: instance,
            runID: "", traceID: 0, hostID: "")
    }

    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test func nothingIsKnownBeforeTheSecondMessage() {
        var meter = TopicMeter()
        #expect(meter.interval == nil && meter.bandwidth == nil && meter.delaySincePublish == nil)
        meter.record(envelope(0), byteCount: 10, received: at(1))
        #expect(meter.interval == nil && meter.bandwidth == nil && meter.count == 1)
        #expect(meter.delaySincePublish?.maximum == .milliseconds(1))
    }

    @Test func intervalsGiveRateExtremesAndSpread() throws {
        var meter = TopicMeter()
        for (index, time) in [0, 90, 200, 300].enumerated() {
            meter.record(envelope(UInt64(index)), byteCount: 1, received: at(Int64(time)))
        }
        let interval = try #require(meter.interval)
        #expect(abs(interval.hertz - 10) < 1e-9)
        #expect(interval.minimum == .milliseconds(90) && interval.maximum == .milliseconds(110))
        // Deviations -10, +10, 0 ms: root of 200/3.
        #expect(abs(interval.standardDeviation.inMilliseconds - 8.16497) < 1e-3)
        #expect(meter.schema == "octo.CameraFrame" && meter.publisher == "camera")
    }

    @Test func bandwidthCountsTheBytesAfterTheFirstMessage() throws {
        var meter = TopicMeter()
        for (index, size) in [1_000, 100, 200, 300].enumerated() {
            meter.record(envelope(UInt64(index)), byteCount: size, received: at(Int64(index) * 100))
        }
        let bandwidth = try #require(meter.bandwidth)
        #expect(abs(bandwidth.bytesPerSecond - 2_000) < 1e-6)
        #expect(bandwidth.meanBytes == 400 && bandwidth.smallestBytes == 100 && bandwidth.largestBytes == 1_000)
    }

    @Test func delaysAreNearestRankQuantiles() throws {
        var meter = TopicMeter()
        for index in 1...100 {
            meter.record(
                envelope(UInt64(index), published: Int64(1_000 - index), captured: Int64(900 - index)), byteCount: 1,
                received: at(1_000))
        }
        let delay = try #require(meter.delaySincePublish)
        #expect(delay.count == 100 && delay.p50 == .milliseconds(50) && delay.p99 == .milliseconds(99))
        #expect(delay.maximum == .milliseconds(100))
        #expect(meter.delaySinceCapture?.p50 == .milliseconds(150))
    }

    @Test func messagesWithoutCaptureTimeHaveNoSuchDelay() {
        var meter = TopicMeter()
        meter.record(envelope(0), byteCount: 1, received: at(1))
        #expect(meter.delaySinceCapture == nil)
    }

    @Test func figuresAreOfTheWindowAndTotalsOfAll() throws {
        var meter = TopicMeter(window: 3)
        // Slow and large at first; later ones push them out.
        for (index, time) in [0, 1_000, 2_000, 2_010, 2_020].enumerated() {
            meter.record(envelope(UInt64(index)), byteCount: index < 2 ? 999 : 5, received: at(Int64(time)))
        }
        #expect(abs(try #require(meter.interval).hertz - 100) < 1e-9)
        #expect(meter.bandwidth?.largestBytes == 5)
        #expect(meter.count == 5)
    }

    @Test func gapsAreCountedAndRepeatsAreNot() {
        var meter = TopicMeter()
        for sequence in [5, 6, 6, 9] as [UInt64] { meter.record(envelope(sequence), byteCount: 1, received: at(0)) }
        #expect(meter.count == 3 && meter.missing == 2)
        meter.record(envelope(0, instance: 2), byteCount: 1, received: at(0))
        #expect(meter.missing == 2)
    }
}

@Suite struct SequenceTrackerTests {
    @Test func verdictsFollowTheNumbers() {
        var tracker = SequenceTracker()
        #expect(tracker.record(10, from: 1) == .first)
        #expect(tracker.record(11, from: 1) == .next)
        #expect(tracker.record(14, from: 1) == .gap(2))
        #expect(tracker.record(14, from: 1) == .duplicate)
        #expect(tracker.record(3, from: 1) == .duplicate)
        #expect(tracker.record(.max, from: 1) == .gap(.max - 15))
        #expect(tracker.record(.max, from: 1) == .duplicate)
    }

    @Test func instancesAreFollowedApartAndTheOldestIsForgotten() {
        var tracker = SequenceTracker()
        for instance in 1...8 as ClosedRange<UInt64> { #expect(tracker.record(0, from: instance) == .first) }
        #expect(tracker.record(1, from: 1) == .next)
        #expect(tracker.record(0, from: 9) == .first)
        // Room was made by forgetting instance 1.
        #expect(tracker.record(2, from: 1) == .first)
        #expect(tracker.record(1, from: 9) == .next)
    }
}
