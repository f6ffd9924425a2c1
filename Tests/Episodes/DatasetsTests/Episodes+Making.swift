import Datasets
import Files
import Images
import TestSupport

extension RLDSEpisode {
    /// An episode of made-up steps that fits `features`; its numbers and pictures follow from the generator.
    static func made(
        steps: Int, success: Bool = true, features: RLDSFeatures = .small, instruction: String = "wave", id: Int32 = 1,
        using generator: inout SeededGenerator
    ) throws -> RLDSEpisode {
        let recorded = try (0..<steps).map { index in
            var pictures: [String: SharedBytes] = [:]
            for (camera, picture) in features.pictures.enumerated() {
                let image = RGBImage.waves(width: picture.width, height: picture.height, seed: index + 3 * camera)
                pictures[picture.key] = picture.encoding == .jpeg ? try image.jpegData() : try image.pngData()
            }
            return Step(
                action: (0..<features.actionCount).map { _ in .random(in: -1...1, using: &generator) },
                state: (0..<features.stateCount).map { _ in .random(in: -1...1, using: &generator) },
                pictures: pictures, languageInstruction: instruction,
                timestampNanoseconds: features.hasTimestamps
                    ? 1_700_000_000_123_456_789 + Int64(index) * 200_000_001 : nil)
        }
        return RLDSEpisode(
            recorded: recorded,
            metadata: Metadata(
                filePath: "logs/\(id).mcap", episodeID: id, success: success, seed: Int64.min + Int64(id)))
    }
}

extension RLDSFeatures {
    /// Two small cameras, one of them PNG, with time stamps.
    static let small = RLDSFeatures(
        pictures: [
            Picture("image_0", width: 16, height: 12), Picture("image_1", width: 8, height: 8, encoding: .png),
        ], hasTimestamps: true)
}
