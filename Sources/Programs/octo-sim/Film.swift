import ClosedLoop
import Foundation
import Images
import Manifests
import Synchronization
import Time

/// One picture of what the primary camera saw in a run, beside the goal.
final class Film: Sendable {
    /// The width and height of each picture, pixels.
    static let size = 192
    /// How many pictures are shown; of more, so many are taken evenly.
    private static let most = 24
    private static let columns = 6

    private let path: String
    private let goal: RGBImage?
    private let pictures = Mutex<[RGBImage]>([])

    /// A file name that is no PNG's: films are written as PNG only.
    struct WrongName: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "simulation.film is '\(path)', expected a name that ends in .png. Give it that ending."
        }
    }

    /// Begins a film with the goal's picture.
    /// - Throws: `WrongName`; `ImageError` when the goal's image cannot be read.
    init(path: String, goal: Manifest.Goal) throws {
        guard path.hasSuffix(".png") else { throw WrongName(path: path) }
        self.path = path
        var image: RGBImage?
        if case .images(let files) = goal.source, let file = files.first(where: { $0.camera == "primary" }) {
            let picture = try RGBImage(contentsOf: file.path)
            image = ImageResize(
                fromWidth: picture.width, height: picture.height, toWidth: Self.size, height: Self.size,
                cropsCentre: false
            ).resize(picture)
        }
        self.goal = image?.labelled("goal")
    }

    /// Adds a picture.
    /// - Parameter seconds: time since the arm began to move, seconds; nil before.
    /// - Parameter isReached: whether the goal has been reached, which gives the picture a green frame.
    func add(_ picture: RGBImage, seconds: Double?, isReached: Bool) {
        let framed = isReached ? picture.framed(in: [40, 200, 70], width: 4) : picture
        let time = seconds.map { "\($0.decimals(1)) s" } ?? "before"
        let picture = framed.labelled(time + (isReached ? "  reached" : ""))
        pictures.withLock { pictures in
            pictures.append(picture)
            // Twice what is shown: every other one is enough from here on.
            if pictures.count >= 4 * Self.most {
                pictures = pictures.indices.filter { $0 % 2 == 0 }.map { pictures[$0] }
            }
        }
    }

    /// Writes the goal first, then the run from its beginning to its end.
    /// - Parameter progress: what came of the task, if there was one.
    /// - Throws: `ImageError` when the file cannot be written.
    func write(progress: TaskWatch.Progress?) throws {
        let all = pictures.withLock { $0 }
        let count = min(all.count, Self.most)
        let shown = (0..<count).map { all[count == 1 ? 0 : $0 * (all.count - 1) / (count - 1)] }
        guard let sheet = RGBImage.tiled((goal.map { [$0] } ?? []) + shown, columns: Self.columns) else { return }
        try sheet.writePNG(to: path)
        let verdict =
            switch progress {
            case nil: ""
            case .reached(let time)?:
                ", framed in green since the goal was reached, after \(time.inSeconds.decimals(1)) s"
            case .underWay?, .notBegun?: "; the goal was not reached"
            }
        print("\(path): the goal, then \(count) pictures of the run\(verdict)")
    }
}
