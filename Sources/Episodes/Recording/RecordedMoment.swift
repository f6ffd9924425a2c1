import Messages
import Time
import Wire

/// What all cameras saw at one frame of a recording.
package struct RecordedMoment {
    /// One frame of each camera, the leading one's first.
    package let frames: [CameraFrame]
    /// Number of the leading camera's frame, from 0.
    package let index: Int

    /// Finds the frames of all cameras at one frame of the leading camera.
    /// - Parameter frame: number of the frame, which counts those of the primary camera (or else of the first by name)
    ///   from 0, or from the end when negative; the other cameras give their newest that is not newer.
    /// - Throws: `RecordedMomentError`, and what reading the file and its frames throws.
    package init(_ file: EpisodeFile, frame: Int) throws {
        let topics = file.reader.topics.filter { $0.hasPrefix("camera/") && $0.hasSuffix("/image") }
        let primary = Topics.cameraImage("primary").name
        guard let leading = topics.contains(primary) ? primary : topics.first else {
            throw RecordedMomentError.noFrames(path: file.path)
        }
        var captures: [MonotonicTime] = []
        var stamps = file.messages(ofTopics: [leading])
        while let message = try stamps.next() {
            captures.append(try message.envelope.captureTime ?? message.content(as: CameraFrame.self).captureTime)
        }
        let index = frame < 0 ? captures.count + frame : frame
        guard captures.indices.contains(index) else {
            throw RecordedMomentError.noSuchFrame(path: file.path, frame: frame, count: captures.count)
        }
        var newest: [String: CameraFrame] = [:]
        var place = 0
        var messages = file.messages(ofTopics: Set(topics))
        while let message = try messages.next() {
            if message.topic == leading {
                if place == index { newest[leading] = try message.content(as: CameraFrame.self) }
                place += 1
            } else {
                let time = try message.envelope.captureTime ?? message.content(as: CameraFrame.self).captureTime
                if time <= captures[index], newest[message.topic].map({ $0.captureTime < time }) ?? true {
                    newest[message.topic] = try message.content(as: CameraFrame.self)
                }
            }
        }
        frames = ([leading] + topics.filter { $0 != leading }).compactMap { newest[$0] }
        self.index = index
    }
}

/// Why there is no such moment in a recording.
package enum RecordedMomentError: Error, Equatable, CustomStringConvertible {
    case noFrames(path: String)
    case noSuchFrame(path: String, frame: Int, count: Int)

    package var description: String {
        switch self {
        case .noFrames(let path):
            "reading \(path): there are no camera frames in it, expected some. See 'octo-replay info \(path)'."
        case .noSuchFrame(let path, let frame, let count):
            "reading \(path): there is no frame \(frame) among its \(count), expected \(-count)...\(count - 1)."
        }
    }
}
