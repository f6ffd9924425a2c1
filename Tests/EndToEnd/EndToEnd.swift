import Testing

/// Tests that start real processes over real sockets. They share two cores, so one runs at a time.
@Suite(.serialized) enum EndToEnd {}
