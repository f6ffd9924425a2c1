import Files
import Images
import Messages
import Time

extension ChunkReport: WireMessage {
    package static let schemaName = "octo.ChunkReport"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_ChunkReport()
        proto.chunkID = chunkID
        proto.outcome = Octo_ChunkReport.Outcome(rawValue: Int(outcome.rawValue)) ?? .unspecified
        proto.captureNs = captureTime.nanoseconds
        proto.observationNs = observationTime.nanoseconds
        proto.receivedNs = receivedTime.nanoseconds
        proto.firstSetpointNs = firstSetpointTime.nanoseconds
        proto.stepsSkipped = try Self.check.small(stepsSkipped, "steps_skipped")
        proto.stepsExecuted = try Self.check.small(stepsExecuted, "steps_executed")
        proto.stepsClamped = try Self.check.small(stepsClamped, "steps_clamped")
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ChunkReport.self, from: body)
        try Self.validate(proto)
        guard let outcome = UInt8(exactly: proto.outcome.rawValue).flatMap(Outcome.init) else {
            throw Self.check.failure(
                "outcome", found: "\(proto.outcome.rawValue)", expected: "1...\(Outcome.allCases.count)")
        }
        self.init(
            chunkID: proto.chunkID, outcome: outcome, captureTime: MonotonicTime(nanoseconds: proto.captureNs),
            observationTime: MonotonicTime(nanoseconds: proto.observationNs),
            receivedTime: MonotonicTime(nanoseconds: proto.receivedNs),
            firstSetpointTime: MonotonicTime(nanoseconds: proto.firstSetpointNs), stepsSkipped: Int(proto.stepsSkipped),
            stepsExecuted: Int(proto.stepsExecuted), stepsClamped: Int(proto.stepsClamped))
    }

    private static func validate(_ proto: Octo_ChunkReport) throws(WireError) {
        try check.time(proto.captureNs, "capture_ns")
        try check.time(proto.observationNs, "observation_ns")
        try check.time(proto.firstSetpointNs, "first_setpoint_ns")
        try check.time(proto.receivedNs, "received_ns")
    }
}

extension LoopReport: WireMessage {
    package static let schemaName = "octo.LoopReport"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_LoopReport()
        proto.rateHz = rateHertz
        proto.ticks = ticks
        proto.overruns = overruns
        proto.jitter = Octo_LatencyHistogram(jitter)
        proto.work = Octo_LatencyHistogram(work)
        proto.rights = rights
        proto.hasRealTimeRights_p = hasRealTimeRights
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_LoopReport.self, from: body)
        try Self.validate(proto)
        self.init(
            rateHertz: proto.rateHz, ticks: proto.ticks, overruns: proto.overruns, jitter: proto.jitter.buckets,
            work: proto.work.buckets, rights: proto.rights, hasRealTimeRights: proto.hasRealTimeRights_p)
    }

    private static func validate(_ proto: Octo_LoopReport) throws(WireError) {
        try check.require(
            proto.rateHz.isFinite && proto.rateHz >= 0, "rate_hz", found: "\(proto.rateHz)",
            expected: "0 or more, finite")
        try check.total(proto.ticks, "ticks")
        try check.total(proto.overruns, "overruns")
        try check.histogram(proto.jitter, "jitter")
        try check.histogram(proto.work, "work")
        try check.text(proto.rights, "rights")
    }
}

extension Octo_LatencyHistogram {
    fileprivate init(_ buckets: [LatencyHistogram.Bucket]) {
        self.init()
        bucketNs = buckets.map(\.nanoseconds)
        bucketCount = buckets.map(\.count)
    }

    fileprivate var buckets: [LatencyHistogram.Bucket] {
        zip(bucketNs, bucketCount).map { LatencyHistogram.Bucket(nanoseconds: $0, count: $1) }
    }
}

extension FieldCheck {
    fileprivate func histogram(_ proto: Octo_LatencyHistogram, _ field: String) throws(WireError) {
        try count(proto.bucketNs.count, atMost: Self.mostBuckets, "\(field) buckets")
        try require(
            proto.bucketNs.count == proto.bucketCount.count, field,
            found: "\(proto.bucketNs.count) durations and \(proto.bucketCount.count) counts",
            expected: "as many of each")
        for nanoseconds in proto.bucketNs { try time(nanoseconds, "\(field).bucket_ns") }
        for count in proto.bucketCount { try total(count, "\(field).bucket_count") }
    }
}
