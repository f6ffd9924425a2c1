import Images
import MCAPFiles
import Messages
import Recording
import Synchronization
import Time
import Wire

/// An episode's open file, with the places of its pictures once they were asked for.
final class OpenEpisode: Sendable {
    private struct Content {
        var file: EpisodeFile
        var entry: EpisodeEntry
        var series: EpisodeSeries
    }

    let file: EpisodeOnDisk
    private let opened = Mutex<Content?>(nil)

    init(_ file: EpisodeOnDisk) { self.file = file }

    func series() throws(EpisodeShelfError) -> EpisodeSeries { try content().series }

    /// What the file says of itself, and its series. Reads all of it the first time; who else asks then, waits.
    func content() throws(EpisodeShelfError) -> (entry: EpisodeEntry, series: EpisodeSeries) {
        try opened.withLock { content throws(EpisodeShelfError) in
            try read(into: &content)
            guard let content else { throw .noSuchEpisode(file.id) }
            return (content.entry, content.series)
        }
    }

    /// A picture as a JPEG file.
    /// - Parameters:
    ///   - index: number of the camera's picture, from 0.
    ///   - width: width that it is scaled down to, pixels; nil leaves it as it is.
    func picture(_ index: Int, of camera: String, width: Int?) throws(EpisodeShelfError) -> [UInt8] {
        let pixels = try opened.withLock { content throws(EpisodeShelfError) -> CameraFrame.Pixels in
            try read(into: &content)
            guard let content else { throw .noSuchEpisode(file.id) }
            return try self.pixels(index, of: camera, in: content)
        }
        do throws(ImageError) {
            return try ShelfAnswer.encoded(pixels, width: width, source: "\(file.id), picture \(index) of \(camera)")
        } catch {
            throw .unreadable("\(error)")
        }
    }

    private func read(into content: inout Content?) throws(EpisodeShelfError) {
        guard content == nil else { return }
        do throws(EpisodeFileError) {
            let episode = try EpisodeFile(path: file.path)
            content = Content(
                file: episode, entry: EpisodeEntry(file, reading: episode), series: EpisodeSeries(reading: episode))
        } catch {
            throw .unreadable("\(error)")
        }
    }

    private func pixels(
        _ index: Int, of camera: String, in content: Content
    ) throws(EpisodeShelfError) -> CameraFrame.Pixels {
        guard let frames = content.series.frames[camera] else {
            throw .noCamera(file.id, camera: camera, known: content.series.frames.keys.sorted())
        }
        guard frames.indices.contains(index) else {
            throw .noSuchPicture(file.id, camera: camera, index: "\(index)", count: frames.count)
        }
        return try content.file.pixels(of: camera, at: frames[index])
    }
}

extension EpisodeOnDisk {
    /// A camera's first or last picture, with no more of the file read than that takes: there is one of each episode in
    /// the list.
    /// - Throws: `EpisodeShelfError`, also where the camera has none.
    func picture(
        _ end: EpisodeSeries.End, of camera: String, width: Int?
    ) throws(EpisodeShelfError) -> [UInt8] {
        do {
            let episode = try EpisodeFile(path: path)
            guard let place = try episode.place(end, of: camera) else {
                throw EpisodeShelfError.noCamera(
                    id, camera: camera, known: episode.reader.topics.compactMap(EpisodeSeries.camera))
            }
            let pixels = try episode.pixels(of: camera, at: place)
            return try ShelfAnswer.encoded(pixels, width: width, source: "\(id), a picture of \(camera)")
        } catch let error as EpisodeShelfError {
            throw error
        } catch {
            throw .unreadable("\(error)")
        }
    }
}

extension EpisodeFile {
    /// Seconds before the end in which a camera's last picture is looked for, one after the other.
    private static let lastSeconds: [Int] = [1, 10, 100]

    /// The place of a camera's first or last picture; nil where it has none.
    fileprivate func place(_ end: EpisodeSeries.End, of camera: String) throws(MCAPError) -> EpisodeSeries.Frame? {
        let topic: Set<String> = [Topics.cameraImage(camera).name]
        switch end {
        case .first:
            var messages = reader.messages(of: topic)
            while let item = try messages.next() {
                if let frame = EpisodeSeries.Frame(item) { return frame }
            }
            return nil
        case .last:
            let newest = reader.statistics.endTime
            for start in Self.lastSeconds.map({ newest - min(newest, UInt64($0) * 1_000_000_000) }) + [0] {
                var messages = reader.messages(of: topic, in: start...newest)
                var found: EpisodeSeries.Frame?
                while let item = try messages.next() { found = EpisodeSeries.Frame(item) ?? found }
                if let found { return found }
            }
            return nil
        }
    }

    /// The pixels of a picture. Opens the one or two chunks that were written at its time, and no more.
    fileprivate func pixels(
        of camera: String, at place: EpisodeSeries.Frame
    ) throws(EpisodeShelfError) -> CameraFrame.Pixels {
        var messages = messages(ofTopics: [Topics.cameraImage(camera).name], in: place.logged...place.logged)
        do {
            while let message = try messages.next() {
                let frame = try message.content(as: CameraFrame.self)
                if frame.captureTime == place.capture { return frame.pixels }
            }
        } catch {
            throw .unreadable("\(error)")
        }
        throw .unreadable("\(path): a picture of '\(camera)' is no longer where it was. Load the page again.")
    }
}
