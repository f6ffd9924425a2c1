import Time

/// What a node says about itself, twice a second and whenever its state changes.
package struct NodeStatus: Equatable, Sendable {
    /// Raw values travel on the bus: only add.
    package enum State: UInt8, CaseIterable, Sendable {
        case starting = 1
        /// Everything it needs is there; it does its work.
        case ready = 2
        /// The node works, but a person should look: `headline` says at what.
        case degraded = 3
        /// The node cannot do its work until something is mended.
        case fault = 4
        case stopping = 5
    }
    /// Prefix of a topic in the name of a counter: how many messages of it the process has sent.
    package static let sentPrefix = "sent "

    /// The counter of a node that stops: bytes that it still has to bring out.
    package static let bytesLeft = "bytes_left"

    /// A total by its name.
    package struct Counter: Equatable, Sendable {
        package var name: String
        package var value: Int64

        package init(name: String, value: Int64) {
            self.name = name
            self.value = value
        }
    }
    /// Quantiles of a latency by its name.
    package struct Latency: Equatable, Sendable {
        package var name: String
        package var count: Int64
        package var p50: Duration
        package var p99: Duration
        package var maximum: Duration

        package init(name: String, count: Int64, p50: Duration, p99: Duration, maximum: Duration) {
            self.name = name
            self.count = count
            self.p50 = p50
            self.p99 = p99
            self.maximum = maximum
        }
    }

    package var node: String
    /// Id of the process that published it; a core that knows of no processes leaves 0, the shell fills it in.
    package var processID: Int32
    package var state: State
    /// One line for people: what it does, or what is wrong with the way to mend it.
    package var headline: String
    /// Totals since the process started.
    package var counters: [Counter]
    package var latencies: [Latency]

    package init(
        node: String, processID: Int32, state: State, headline: String, counters: [Counter] = [],
        latencies: [Latency] = []
    ) {
        self.node = node
        self.processID = processID
        self.state = state
        self.headline = headline
        self.counters = counters
        self.latencies = latencies
    }
}

extension NodeStatus.Latency {
    package init(name: String, of histogram: LatencyHistogram) {
        self.init(
            name: name, count: histogram.count, p50: histogram.quantile(0.5), p99: histogram.quantile(0.99),
            maximum: histogram.maximum)
    }
}
