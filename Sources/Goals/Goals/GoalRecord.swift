import Images
import Maths
import Messages
import Time

/// A goal with all that is known of how it was taken: what a folder of the goal library holds.
package struct GoalRecord: Equatable, Sendable {
    /// What a goal was made from.
    package enum Origin: Equatable, Sendable {
        /// Cameras that were looking.
        case live
        /// Cameras that were looking, after an operator had driven the arm there.
        case teleop
        /// A moment of a recorded episode.
        case episode(path: String, frame: Int)
        /// Picture files.
        case images(paths: [String])

        /// What `goal.json` calls it.
        package var kind: String {
            switch self {
            case .live: "live"
            case .teleop: "teleop"
            case .episode: "episode"
            case .images: "images"
            }
        }
    }
    /// One camera's goal.
    package struct View: Equatable, Sendable {
        package var camera: String
        /// The picture in full size, as the camera delivered it.
        package var image: RGBImage
        /// Identity of the device that stays the same when the machine restarts; empty where nobody knows.
        package var deviceID: String
        /// "rgb8", "jpeg": what the camera delivered; empty where nobody knows.
        package var pixelFormat: String
        package var settings: [CameraFrame.Setting]
        /// SHA-256 of the camera's calibration file, as `sha256sum` prints it; 16 digits of another hash in goals of up
        /// to version 0.2.0; empty: it had none, or nobody knows.
        package var calibrationHash: String
        /// SHA-256 of the view's PNG file, as `sha256sum` prints it; nil: it has not been saved, or by a version up to
        /// 0.2.0.
        package var sha256: String?

        package init(
            camera: String, image: RGBImage, deviceID: String = "", pixelFormat: String = "",
            settings: [CameraFrame.Setting] = [], calibrationHash: String = "", sha256: String? = nil
        ) {
            self.camera = camera
            self.image = image
            self.deviceID = deviceID
            self.pixelFormat = pixelFormat
            self.settings = settings
            self.calibrationHash = calibrationHash
            self.sha256 = sha256
        }
    }
    /// The arm when the goal was taken.
    package struct Arm: Equatable, Sendable {
        /// Positions of the arm's joints, radians.
        package var jointPositions: JointVector
        /// Opening of the gripper, 0 closed ... 1 open.
        package var gripper: Double
        package var baseFromEEF: Pose

        package init(jointPositions: JointVector, gripper: Double, baseFromEEF: Pose) {
            self.jointPositions = jointPositions
            self.gripper = gripper
            self.baseFromEEF = baseFromEEF
        }

        package init(_ state: ArmState) {
            self.init(
                jointPositions: state.measured.positions, gripper: state.measured.gripper,
                baseFromEEF: state.baseFromEEF)
        }
    }

    /// Name of the goal, 1 to 64 letters, digits, '.', '_' and '-', no dot at the start: it is a folder's name.
    package var name: String
    package var recorded: WallTime
    package var origin: Origin
    package var text: String?
    /// What an image encoder with FiLM layers reads of the task, by key.
    package var taskNumbers: [String: [Float]]
    /// Sorted by camera name, each camera once.
    package var views: [View]
    package var arm: Arm?

    package init(
        name: String, recorded: WallTime, origin: Origin, text: String? = nil, taskNumbers: [String: [Float]] = [:],
        views: [View], arm: Arm? = nil
    ) {
        self.name = name
        self.recorded = recorded
        self.origin = origin
        self.text = text
        self.taskNumbers = taskNumbers
        self.views = views.sorted { $0.camera < $1.camera }
        self.arm = arm
    }

    /// Follows from pictures, text and the task's numbers alone.
    package var id: String { Goal.contentID(views: pictures, text: text, taskNumbers: taskNumbers) }

    /// The id that versions up to 0.2.0 gave this goal.
    package var formerID: String { Goal.formerContentID(views: pictures, text: text, taskNumbers: taskNumbers) }

    private var pictures: [Goal.View] { views.map { Goal.View(camera: $0.camera, image: $0.image) } }

    /// The goal as the policy gets it.
    /// - Parameter folder: folder in which the record lies.
    package func goal(folder: String) -> Goal {
        Goal(
            id: id, name: name, views: pictures, text: text, taskNumbers: taskNumbers,
            origin: .library(folder: folder))
    }

    /// Whether a goal may be called this.
    package static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension GoalRecord.View {
    /// Makes the record of a camera's picture.
    /// - Throws: `ImageError` when the frame's JPEG cannot be read.
    package init(_ frame: CameraFrame) throws(ImageError) {
        let format =
            switch frame.pixels {
            case .rgb8: "rgb8"
            case .jpeg: "jpeg"
            }
        self.init(
            camera: frame.camera, image: try frame.image(), deviceID: frame.deviceID, pixelFormat: format,
            settings: frame.settings,
            calibrationHash: frame.calibrationHash)
    }
}
