import Files
import Images
import Messages

extension NodeStatus: WireMessage {
    package static let schemaName = "octo.NodeStatus"
    /// Largest value of a counter: any total of bytes or nanoseconds fits, and the difference of two does not overflow.
    package static let largestCounter = FieldCheck.farthestTime

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_NodeStatus()
        proto.node = node
        proto.processID = processID
        proto.state = Octo_NodeStatus.State(rawValue: Int(state.rawValue)) ?? .unspecified
        proto.headline = headline
        proto.counters = counters.map { counter in
            var entry = Octo_NodeStatus.Counter()
            entry.name = counter.name
            entry.value = counter.value
            return entry
        }
        proto.latencies = latencies.map { latency in
            var entry = Octo_NodeStatus.Latency()
            entry.name = latency.name
            entry.count = latency.count
            entry.p50Ns = latency.p50.nanoseconds
            entry.p99Ns = latency.p99.nanoseconds
            entry.maximumNs = latency.maximum.nanoseconds
            return entry
        }
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_NodeStatus.self, from: body)
        try Self.validate(proto)
        guard let state = UInt8(exactly: proto.state.rawValue).flatMap(State.init) else {
            throw Self.check.failure("state", found: "\(proto.state.rawValue)", expected: "1...\(State.allCases.count)")
        }
        self.init(
            node: proto.node, processID: proto.processID, state: state, headline: proto.headline,
            counters: proto.counters.map { Counter(name: $0.name, value: $0.value) },
            latencies: proto.latencies.map {
                Latency(
                    name: $0.name, count: $0.count, p50: .nanoseconds($0.p50Ns), p99: .nanoseconds($0.p99Ns),
                    maximum: .nanoseconds($0.maximumNs))
            })
    }

    private static func validate(_ proto: Octo_NodeStatus) throws(WireError) {
        try check.name(proto.node, "node")
        try check.text(proto.headline, "headline")
        try check.count(proto.counters.count, atMost: FieldCheck.mostEntries, "counters")
        try check.count(proto.latencies.count, atMost: FieldCheck.mostEntries, "latencies")
        for counter in proto.counters {
            try check.name(counter.name, "counters.name")
            try check.require(
                (-largestCounter...largestCounter).contains(counter.value), "counters.value", found: "\(counter.value)",
                expected: "at most ±2^61")
        }
        for latency in proto.latencies {
            try check.name(latency.name, "latencies.name")
            try check.total(latency.count, "latencies.count")
            try check.time(latency.p50Ns, "latencies.p50_ns")
            try check.time(latency.p99Ns, "latencies.p99_ns")
            try check.time(latency.maximumNs, "latencies.maximum_ns")
        }
    }
}
