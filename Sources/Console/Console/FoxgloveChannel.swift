import Time

/// The run that viewers are told of.
package struct FoxgloveRun: Equatable, Sendable {
    /// Name of the run as people know it.
    package var name: String
    /// Id of the run, as envelopes have it.
    package var id: String
    /// Time of day (since 1970-01-01 UTC) minus the monotonic time, as both clocks were read when the run was found.
    ///
    /// It stays the same for the whole run: viewers take a clock that goes back for a jump in a recording, and throw
    /// away what they have.
    package var wallOffset: Duration

    package init(name: String, id: String, wallOffset: Duration) {
        self.name = name
        self.id = id
        self.wallOffset = wallOffset
    }

    /// Time of day at a monotonic time, nanoseconds since 1970-01-01 UTC.
    func wallNanoseconds(at time: MonotonicTime) -> UInt64 {
        UInt64(max(0, time.nanoseconds.addingSaturating(wallOffset.nanoseconds)))
    }
}

/// A topic as viewers know it: with a number, and the schema of all its messages.
package struct FoxgloveChannel: Equatable, Sendable {
    /// Number of the channel, from 1; none is given twice as long as the console runs.
    package let id: Int
    /// Name of the topic on the bus: "arm/state".
    package let topic: String
    /// Full name of the protobuf message: "octo.ArmState", "foxglove.CompressedImage".
    package let schema: String
    /// The schema: a serialised google.protobuf.FileDescriptorSet, in base64.
    package let definition: String

    /// Whether its messages are pictures, of which only the newest is worth sending.
    package var isPictures: Bool { schema == "foxglove.RawImage" || schema == "foxglove.CompressedImage" }
}

/// One message as all viewers get it; made once, however many there are.
package struct FoxgloveMessage: Equatable, Sendable {
    /// Its channel.
    package let channel: FoxgloveChannel
    /// Time of day at which the message was handed to the bus, nanoseconds since 1970-01-01 UTC.
    ///
    /// Times within the message stay those of the run's monotonic clock, as in recordings.
    package let time: UInt64
    /// The message as protobuf, of the channel's schema.
    package let data: [UInt8]

    package init(channel: FoxgloveChannel, time: UInt64, data: [UInt8]) {
        self.channel = channel
        self.time = time
        self.data = data
    }
}
