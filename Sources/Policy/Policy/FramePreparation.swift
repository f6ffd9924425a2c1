import Images
import Messages
import OctoModel

/// Makes frames and goals the size of the network's input, as the manifest says.
package struct FramePreparation: Sendable {
    private let preprocessing: Preprocessing
    private let goalUse: GoalUse
    /// Weights of the resize by camera, for the size it delivers.
    private var resizes: [String: ImageResize] = [:]
    /// Number of JPEGs that were not quite as the standard has it, but lacked no pixel.
    package private(set) var mendedFrames: Int64 = 0

    package init(_ configuration: PolicyConfiguration) {
        preprocessing = configuration.preprocessing
        goalUse = configuration.goalUse
    }

    /// The frame as the network sees it.
    /// - Throws: `ImageError` for a JPEG that cannot be decoded.
    package mutating func prepare(_ frame: CameraFrame, for camera: PolicyCamera) throws(ImageError) -> RGBImage {
        switch frame.pixels {
        case .rgb8(let image): return prepare(image, for: camera)
        case .jpeg(let data, _, _):
            let (image, isMended) = try RGBImage.decoded(data, source: "camera '\(camera.name)'")
            if isMended { mendedFrames += 1 }
            return prepare(image, for: camera)
        }
    }

    package mutating func prepare(_ image: RGBImage, for camera: PolicyCamera) -> RGBImage {
        if let plan = resizes[camera.name], plan.inputWidth == image.width, plan.inputHeight == image.height {
            return plan.resize(image)
        }
        let plan = preprocessing.plan(
            camera: camera.name, fromWidth: image.width, height: image.height, toWidth: camera.width,
            height: camera.height)
        resizes[camera.name] = plan
        return plan.resize(image)
    }

    /// The goal as the network sees it: images of those cameras whose goal it fuses, and the text, which beside images
    /// is left out unless both are to be used.
    /// - Throws: `TaskTextError` for a text that the checkpoint cannot read.
    package mutating func prepare(
        _ goal: Goal, for cameras: [PolicyCamera], texts: TaskTextReading
    ) throws(TaskTextError) -> PolicyNodeCore.PreparedGoal {
        var images: [String: RGBImage] = [:]
        for camera in cameras where camera.takesGoal {
            guard let view = goal.views.first(where: { $0.camera == camera.name }) else { continue }
            images[camera.name] = prepare(view.image, for: camera)
        }
        var text: TokenizedText?
        if let words = goal.text, images.isEmpty || goalUse == .both { text = try texts.tokens(of: words) }
        return PolicyNodeCore.PreparedGoal(id: goal.id, images: images, text: text, taskNumbers: goal.taskNumbers)
    }
}
