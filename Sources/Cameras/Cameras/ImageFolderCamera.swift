import Digests
import Files
import Images
import Messages
import Time

/// Plays the pictures of a folder as if a camera saw them now: an episode to try a policy on, or a test.
///
/// Picture `k` counts as captured at `start + k × period`, whatever the caller does; a late caller gets the newest one
/// that is due. PNG files are delivered as RGB, JPEG files as they are.
package struct ImageFolderCamera: Camera {
    /// What the manifest says about it.
    package struct Settings: Equatable, Sendable {
        package var name: String
        /// Path of the folder.
        package var folder: String
        /// A shell pattern for the file names; nil takes every PNG and JPEG file.
        package var pattern: String?
        package var rate: Rate
        /// Whether to begin again after the last picture.
        package var loops: Bool

        package init(name: String, folder: String, pattern: String? = nil, rate: Rate, loops: Bool = true) {
            self.name = name
            self.folder = folder
            self.pattern = pattern
            self.rate = rate
            self.loops = loops
        }
    }

    /// One picture, ready to be published.
    private struct Shot {
        let pixels: CameraFrame.Pixels
        let contentHash: UInt64
        let byteCount: Int
    }

    /// An open camera.
    private struct Session {
        let paths: [String]
        let start: MonotonicTime
        let firstSequence: UInt64
        let first: CameraError.Picture
        /// The first pictures of the folder, kept from opening.
        let kept: [Shot]
        /// The one that `prepare()` read, or why it could not.
        var ahead: (index: Int, shot: Result<Shot, CameraError>)?
        /// Index of the next picture to show, counted through all rounds.
        var next: Int64 = 0
    }

    package let settings: Settings
    /// Decoded pictures up to this many bytes stay in memory from opening; the rest is read again, one ahead of time.
    /// An episode of some hundred policy-sized frames fits.
    private let memoryLimit: Int
    private var session: Session?
    private var lastSequence: UInt64?
    private var lastCaptureTime: MonotonicTime?

    package init(_ settings: Settings, memoryLimit: Int = 128 << 20) {
        self.settings = settings
        self.memoryLimit = memoryLimit
    }

    package var name: String { settings.name }

    /// Reads and decodes every picture once, so that a damaged file or one of another size shows now and not in the
    /// middle of a run; that takes as long as decoding the folder does.
    /// - Throws: `CameraError`, naming the folder or the file.
    package mutating func open(at now: MonotonicTime) throws(CameraError) -> CameraFormat {
        close()
        let folder: ImageFolder
        do {
            folder = try ImageFolder(path: settings.folder, pattern: settings.pattern)
        } catch {
            throw .folder(camera: name, error: error)
        }
        var first: CameraError.Picture?
        var kept: [Shot] = []
        var bytes = 0
        for path in folder.paths {
            let (shot, picture) = try load(path)
            let expected = first ?? picture
            guard (picture.width, picture.height) == (expected.width, expected.height) else {
                throw .sizesDiffer(camera: name, first: expected, other: picture)
            }
            first = expected
            bytes += shot.byteCount
            if bytes <= memoryLimit { kept.append(shot) }
        }
        guard let first else {
            throw .noPictures(
                camera: name, folder: settings.folder, pattern: settings.pattern, found: folder.allNames)
        }
        // A camera that is opened again within one period must not stamp a frame like the one before.
        let start = lastCaptureTime.map { max(now, $0 + .nanoseconds(1)) } ?? now
        session = Session(
            paths: folder.paths, start: start, firstSequence: lastSequence.map { $0 + 1 } ?? 0, first: first,
            kept: kept)
        return CameraFormat(
            width: first.width, height: first.height, rate: settings.rate,
            summary: "\(folder.paths.count) pictures from \(settings.folder)"
                + (settings.loops ? ", again and again" : ""))
    }

    package var wakeup: CameraWakeup {
        guard let session, let due = dueTime(of: session.next, in: session) else { return .never }
        return .time(due)
    }

    package mutating func nextFrame(at now: MonotonicTime) throws(CameraError) -> CameraFrame? {
        guard let session, let due = dueTime(of: session.next, in: session), now >= due else { return nil }
        var newest = (now.nanoseconds - session.start.nanoseconds) / settings.rate.periodNanoseconds
        if !settings.loops { newest = min(newest, Int64(session.paths.count) - 1) }
        let shot = try shot(Int(newest % Int64(session.paths.count)), of: session)
        self.session?.next = newest + 1
        self.session?.ahead = nil
        let frame = CameraFrame(
            camera: name, deviceID: settings.folder, sequence: session.firstSequence + UInt64(newest),
            captureTime: time(of: newest, in: session), pixels: shot.pixels, contentHash: shot.contentHash)
        lastSequence = frame.sequence
        lastCaptureTime = frame.captureTime
        return frame
    }

    /// Reads the next picture if it was not kept. A failure waits until the picture is asked for, and is told then.
    package mutating func prepare() {
        guard let session, dueTime(of: session.next, in: session) != nil else { return }
        let index = Int(session.next % Int64(session.paths.count))
        guard index >= session.kept.count && session.ahead?.index != index else { return }
        let shot = Result { () throws(CameraError) in try reload(index, of: session) }
        self.session?.ahead = (index, shot)
    }

    package mutating func close() { session = nil }

    private func time(of index: Int64, in session: Session) -> MonotonicTime {
        MonotonicTime(nanoseconds: session.start.nanoseconds + index * settings.rate.periodNanoseconds)
    }

    /// Time at which picture `index` is due; nil after the last one.
    private func dueTime(of index: Int64, in session: Session) -> MonotonicTime? {
        guard settings.loops || index < Int64(session.paths.count) else { return nil }
        return time(of: index, in: session)
    }

    /// A picture by its place in the folder, from memory if it is there.
    private func shot(_ index: Int, of session: Session) throws(CameraError) -> Shot {
        if index < session.kept.count { return session.kept[index] }
        if let ahead = session.ahead, ahead.index == index { return try ahead.shot.get() }
        return try reload(index, of: session)
    }

    /// Reads a picture that was there at opening; it may have changed since.
    private func reload(_ index: Int, of session: Session) throws(CameraError) -> Shot {
        let (shot, picture) = try load(session.paths[index])
        guard (picture.width, picture.height) == (session.first.width, session.first.height) else {
            throw .sizesDiffer(camera: name, first: session.first, other: picture)
        }
        return shot
    }

    private func load(_ path: String) throws(CameraError) -> (Shot, CameraError.Picture) {
        do {
            let bytes = try read(path)
            // Decoding a JPEG proves it whole, even though its bytes are what is delivered.
            let image = try RGBImage(decoding: bytes, source: path)
            let isJPEG = ImageFormat(startOf: bytes.bytes) == .jpeg
            let delivered = isJPEG ? bytes : image.pixels
            let shot = Shot(
                pixels: isJPEG ? .jpeg(bytes, width: image.width, height: image.height) : .rgb8(image),
                contentHash: delivered.xxh3, byteCount: delivered.count)
            return (shot, CameraError.Picture(path: path, width: image.width, height: image.height))
        } catch {
            throw .picture(camera: name, error: error)
        }
    }

    private func read(_ path: String) throws(ImageError) -> SharedBytes {
        do {
            return try SharedBytes(contentsOf: path)
        } catch {
            throw .file(error)
        }
    }
}
