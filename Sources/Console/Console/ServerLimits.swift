import Time

/// How much the console takes from those who connect. Each limit is far above what our own page needs, and far below
/// what would slow the run beside it.
package enum ServerLimits {
    /// Connections at once. A page has one WebSocket and, while it loads, up to six more; 16 viewers that all reload at
    /// once stay below it.
    package static let connections = 128
    /// Connections of one address at once, so that one machine cannot keep all others out. A relay or a tunnel brings
    /// several people by one address.
    package static let connectionsPerAddress = 96
    /// Pages and Foxglove viewers at once, each with its own stream of pictures.
    package static let viewers = 16

    /// Bytes of a request's head. Browsers' heads have 1 to 8 KiB. The web server's time to read a line grows with the
    /// square of its length: 16 KiB cost 20 ms, 64 KiB seconds, in which nothing else may run.
    package static let headBytes = 16 << 10
    /// Bytes of a request's body. The longest of ours is a note of 4 KiB.
    package static let bodyBytes = 64 << 10
    /// Bytes of a message on a WebSocket. The page's longest names the cameras that it watches; Foxglove's subscribes
    /// to all topics.
    package static let messageBytes = 64 << 10
    /// Messages a second of one viewer, on average. A page that drives the arm says so 20 times, that it lives 10
    /// times a second.
    package static let messagesPerSecond = 100.0
    /// Messages that may come at once after a quiet time: a network that stalled for 2 s hands on what it held.
    package static let messageBurst = 200.0
    /// Bytes a second of one viewer's messages, on average; a drive message has 100.
    package static let messageBytesPerSecond = 64.0 * 1_024
    /// Bytes that may come at once after a quiet time: two of the longest messages.
    package static let messageBurstBytes = 128.0 * 1_024

    /// Time for a request to arrive whole, from the connection's opening or its own first byte. Phones in a weak
    /// network need 1 to 2 s.
    package static let requestTime = Duration.seconds(10)
    /// Time that a connection may stay open between two requests. Browsers keep theirs for this long or more, and open
    /// a new one without being asked.
    package static let idleTime = Duration.seconds(60)
    /// Time in which the other end may take nothing while there is something to send: it sleeps, or is gone.
    package static let stallTime = Duration.seconds(20)

    /// Time for the answer to a request that was not read to its end; a few hundred bytes, which are gone at once.
    package static let refusalTime = Duration.seconds(1)

    /// Bytes that the system holds of what came and was not read; it doubles the number for its own book-keeping.
    /// Nothing that comes here is long, and what is held when a connection has to end was taken in vain.
    package static let receiveBuffer: Int32 = 8 << 10
    /// Bytes that the system holds of what was written and not taken: 2 to 4 pictures. More would show old ones, and
    /// 16 slow viewers would keep more of the machine's memory than the whole console has.
    package static let sendBuffer: Int32 = 256 << 10
    /// Connections that wait to be accepted.
    package static let backlog: Int32 = 32
    /// Time between two looks at all connections.
    package static let watchPeriod = Duration.milliseconds(50)

    /// Why a request's body is not taken, from its head alone; nil where it may be read.
    ///
    /// Where this answers, nothing more may be read from the connection as a request: the body would be taken for one.
    /// - Parameter headers: of the request, names in small letters.
    package static func refusal(ofBody headers: [String: String]) -> WebResponse? {
        if headers["transfer-encoding"] != nil {
            return response(411, "found a body in chunks, expected one with its length in Content-Length.")
        }
        guard let text = headers["content-length"] else { return nil }
        guard let length = Int(text), length >= 0 else {
            return response(400, "found a Content-Length that is no number of bytes.")
        }
        guard length <= bodyBytes else {
            return response(413, "found a body of \(length) bytes, expected at most \(bodyBytes).")
        }
        return nil
    }

    private static func response(_ status: Int, _ words: String) -> WebResponse {
        var response = Access.refusal(of: WebRequest(path: "/api"), status, words)
        response.headers["Connection"] = "close"
        return response
    }
}
