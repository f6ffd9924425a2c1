import DequeModule

/// A picture as pages get it: a head and a JPEG file in one binary message, made once for all of them.
package struct LivePicture: Equatable, Sendable {
    /// Whose newest picture it is: "frame/primary", "network/wrist".
    package let stream: String
    package let bytes: [UInt8]

    package init(stream: String, bytes: [UInt8]) {
        self.stream = stream
        self.bytes = bytes
    }
}

/// What waits to be sent to one page. It holds so much and no more: of pictures and states the newest, of all else the
/// oldest make way, and are counted.
package struct LiveQueue: Sendable {
    /// The most messages that wait; a page that joins gets some hundred at once.
    package static let maximumMessages = 4096
    /// The most bytes of messages that wait, pictures aside.
    package static let maximumBytes = 4 << 20

    private var messages: Deque<String> = []
    private var byteCount = 0
    private var newest: [String: String] = [:]
    private var newestOrder: Deque<String> = []
    private var pictures: [String: LivePicture] = [:]
    private var pictureOrder: Deque<String> = []
    /// Pictures that a newer one replaced before they were sent.
    package private(set) var droppedPictures = 0
    /// Messages that made way.
    package private(set) var droppedMessages = 0

    package init() {}

    package var isEmpty: Bool { messages.isEmpty && newestOrder.isEmpty && pictureOrder.isEmpty }

    /// Adds a message of which each counts.
    package mutating func append(_ text: String) {
        messages.append(text)
        byteCount += text.utf8.count
        while messages.count > Self.maximumMessages || byteCount > Self.maximumBytes, let oldest = messages.popFirst() {
            byteCount -= oldest.utf8.count
            droppedMessages += 1
        }
    }

    /// Adds a message that takes the place of the one of its topic that was not sent yet.
    package mutating func replace(_ topic: String, with text: String) {
        if newest.updateValue(text, forKey: topic) == nil { newestOrder.append(topic) }
    }

    /// Adds a picture, in place of the one of its stream that was not sent yet.
    package mutating func replace(_ picture: LivePicture) {
        if pictures.updateValue(picture, forKey: picture.stream) == nil {
            pictureOrder.append(picture.stream)
        } else {
            droppedPictures += 1
        }
    }

    /// Forgets pictures that are not wanted any more.
    package mutating func removePictures(where isUnwanted: (String) -> Bool) {
        pictureOrder.removeAll(where: isUnwanted)
        for stream in pictures.keys where isUnwanted(stream) { pictures[stream] = nil }
    }

    /// The message to send next: what is said before states, states before pictures, pictures in turn.
    package mutating func next() -> SocketMessage? {
        if let text = messages.popFirst() {
            byteCount -= text.utf8.count
            return .text(text)
        }
        if let topic = newestOrder.popFirst(), let text = newest.removeValue(forKey: topic) { return .text(text) }
        if let stream = pictureOrder.popFirst(), let picture = pictures.removeValue(forKey: stream) {
            return .binary(picture.bytes)
        }
        return nil
    }
}
