import Images

/// The size of the frames that a camera is going to deliver, known before it is opened.
package struct AnnouncedFrames: Equatable, Sendable {
    /// The camera's name in the manifest.
    package var camera: String
    /// Width of the frames, pixels.
    package var width: Int
    /// Height of the frames, pixels.
    package var height: Int
    /// What messages call the place that the frames come from: a folder, a device, the simulated world.
    package var source: String

    package init(camera: String, width: Int, height: Int, source: String) {
        self.camera = camera
        self.width = width
        self.height = height
        self.source = source
    }

    /// Reads the size from the first of the files that the camera is going to play.
    ///
    /// Nil where the folder has no readable first frame: its camera reports that.
    /// - Parameter pattern: a shell pattern for the names of its files.
    package init?(camera: String, folder: String, pattern: String) {
        do {
            guard let path = try ImageFolder(path: folder, pattern: pattern).paths.first else { return nil }
            let first = try RGBImage(contentsOf: path)
            self.init(camera: camera, width: first.width, height: first.height, source: folder)
        } catch {
            return nil
        }
    }
}
