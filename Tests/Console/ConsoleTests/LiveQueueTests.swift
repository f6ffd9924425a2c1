import Console
import TestSupport
import Testing

@Suite struct LiveQueueTests {
    @Test func whatIsSaidGoesBeforeStatesAndStatesBeforePicturesInTurn() {
        var queue = LiveQueue()
        for (camera, byte) in [("a", 1), ("b", 2), ("a", 3)] as [(String, UInt8)] {
            queue.replace(LivePicture(stream: camera, bytes: [byte]))
        }
        queue.replace("state", with: "1")
        queue.replace("state", with: "2")
        queue.append("said")
        var taken: [SocketMessage] = []
        while let message = queue.next() { taken.append(message) }
        #expect(taken == [.text("said"), .text("2"), .binary([3]), .binary([2])])
        #expect(queue.isEmpty && queue.droppedPictures == 1 && queue.droppedMessages == 0)
    }

    @Test func aReaderThatNeverComesCostsNoMoreThanItsShare() {
        var queue = LiveQueue()
        for number in 0..<(LiveQueue.maximumMessages + 10) { queue.append("\(number)") }
        let first = queue.next()
        #expect(queue.droppedMessages == 10 && first == .text("10"))
        let long = String(repeating: "x", count: LiveQueue.maximumBytes / 4)
        for _ in 0..<8 { queue.append(long) }
        var bytes = 0
        while let message = queue.next() { bytes += message.byteCount }
        #expect(bytes <= LiveQueue.maximumBytes)
    }

    @Test func picturesThatAreNotWantedAnyMoreAreForgotten() {
        var queue = LiveQueue()
        for stream in ["frame/a", "frame/b"] { queue.replace(LivePicture(stream: stream, bytes: [])) }
        queue.removePictures { $0 == "frame/a" }
        let rest = (queue.next(), queue.next())
        #expect(rest.0 == .binary([]) && rest.1 == nil)
    }

    @Test func inAnyOrderNothingIsLostUncounted() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var queue = LiveQueue()
        var (pictures, texts, taken) = (0, 0, (pictures: 0, texts: 0))
        for _ in 0..<20_000 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                queue.append("x")
                texts += 1
            case 1:
                queue.replace(LivePicture(stream: "\(Int.random(in: 0..<3, using: &generator))", bytes: []))
                pictures += 1
            default:
                switch queue.next() {
                case .binary: taken.pictures += 1
                case .text: taken.texts += 1
                case nil: break
                }
            }
        }
        while let message = queue.next() {
            if case .binary = message { taken.pictures += 1 } else { taken.texts += 1 }
        }
        #expect(taken.pictures + queue.droppedPictures == pictures)
        #expect(taken.texts + queue.droppedMessages == texts)
    }
}
