import Images
import Messages

extension Goal {
    /// Reads the images and text that `source` names.
    ///
    /// The id follows from the content alone: the same images and text have the same id in every process and on every
    /// machine, wherever they came from.
    /// - Throws: `GoalError`, naming the file or folder.
    package init(loading source: GoalSource) throws(GoalError) {
        let views: [View]
        let origin: Origin
        var name = source.name
        switch source.views {
        case .none:
            views = []
            origin = source.text == .none ? .unknown : .text
        case .files(let files):
            var loaded: [View] = []
            for file in files { loaded.append(try View(camera: file.camera, path: file.path)) }
            views = loaded
            origin = .images(paths: files.map(\.path))
            name = name ?? files.first.map { Self.lastComponent(of: $0.path) }
        case .episode(let episode):
            let (loaded, index) = try Self.load(episode)
            views = loaded
            origin = .episode(path: episode.folder, frame: index)
            name = name ?? Self.lastComponent(of: episode.folder)
        }
        if let twice = Dictionary(grouping: views, by: \.camera).filter({ $0.value.count > 1 }).keys.min() {
            throw .cameraTwice(camera: twice)
        }
        let text = try Self.text(of: source)
        guard !views.isEmpty || text != nil else {
            self = .none
            return
        }
        self.init(
            id: Self.contentID(views: views, text: text), name: name ?? text.map(Self.title) ?? "goal", views: views,
            text: text, origin: origin)
    }

    /// Refuses a goal image of another size than the frames of its camera: the network compares both pixel by pixel,
    /// and resized to the same shape they show different things in the same place.
    /// - Throws: `GoalError.otherSize`.
    package func requireSize(of frames: AnnouncedFrames) throws(GoalError) {
        guard let image = views.first(where: { $0.camera == frames.camera })?.image else { return }
        guard image.width == frames.width && image.height == frames.height else {
            throw .otherSize(
                camera: frames.camera, goal: .init(width: image.width, height: image.height),
                frames: .init(width: frames.width, height: frames.height), folder: frames.source)
        }
    }

    private static func load(_ episode: GoalSource.Episode) throws(GoalError) -> (views: [View], index: Int) {
        var views: [View] = []
        var chosen = 0
        var first: GoalError.Count?
        for view in episode.views {
            let folder: ImageFolder
            do {
                folder = try ImageFolder(path: episode.folder, pattern: view.pattern)
            } catch {
                throw .folder(error)
            }
            let count = folder.names.count
            guard count > 0 else {
                throw .noFrames(
                    camera: view.camera, folder: episode.folder, pattern: view.pattern, found: folder.allNames)
            }
            if let first, first.frames != count {
                throw .framesDiffer(
                    folder: episode.folder, first: first, other: .init(camera: view.camera, frames: count))
            }
            first = first ?? .init(camera: view.camera, frames: count)
            let index = episode.frame < 0 ? count + episode.frame : episode.frame
            guard (0..<count).contains(index) else {
                throw .noSuchFrame(
                    camera: view.camera, folder: episode.folder, pattern: view.pattern, frame: episode.frame,
                    count: count)
            }
            views.append(try View(camera: view.camera, path: folder.paths[index]))
            chosen = index
        }
        return (views, chosen)
    }

    private static func text(of source: GoalSource) throws(GoalError) -> String? {
        switch source.text {
        case .none: return nil
        case .given(let text): return text.isEmpty ? nil : text
        case .ofEpisode:
            guard case .episode(let episode) = source.views else { throw .textWithoutEpisode }
            let description: EpisodeDescription
            do {
                description = try EpisodeDescription(inFolder: episode.folder)
            } catch {
                throw .description(error)
            }
            guard let text = description.languageInstruction, !text.isEmpty else {
                throw .noInstruction(path: ImageFolder.join(episode.folder, EpisodeDescription.fileName))
            }
            return text
        }
    }

    /// A text in the length of a name: on the wire that has 255 bytes.
    static func title(_ text: String) -> String {
        let scalars = text.unicodeScalars
        return scalars.count <= 60 ? text : String(scalars.prefix(60)) + "…"
    }

    private static func lastComponent(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}

extension Goal.View {
    fileprivate init(camera: String, path: String) throws(GoalError) {
        do {
            self.init(camera: camera, image: try RGBImage(contentsOf: path))
        } catch {
            throw .image(camera: camera, error: error)
        }
    }
}
