import Kinematics
import Maths
import SceneFit

/// A camera that knows where it stands beside the arm: tells which part of its picture the arm covers.
///
/// The arm is taken for thick lines from joint to joint. Distortion of the lens is left out: the lines are thick
/// enough.
package struct ArmView: Sendable {
    /// The lens of a pinhole camera, pixels of frames `width` × `height`; OpenCV's camera matrix.
    package struct Lens: Equatable, Sendable {
        /// Size of the pictures that the lens was calibrated with, pixels.
        package var width: Int
        package var height: Int
        /// Focal lengths and the principal point, pixels.
        package var focalX: Double
        package var focalY: Double
        package var centreX: Double
        package var centreY: Double

        package init(width: Int, height: Int, focalX: Double, focalY: Double, centreX: Double, centreY: Double) {
            self.width = width
            self.height = height
            self.focalX = focalX
            self.focalY = focalY
            self.centreX = centreX
            self.centreY = centreY
        }
    }
    /// Half of what a link, a gripper and what it holds are across, metres.
    private static let thickness = 0.07
    /// Distance between two discs, metres: less than half a disc.
    private static let spacing = 0.03
    /// Nearest distance from the lens that is projected, metres.
    private static let nearest = 0.05

    private let chain: KinematicChain
    private let lens: Lens
    private let cameraFromBase: Pose

    /// Makes the view that a camera with a known place has of an arm.
    /// - Parameter baseFromCamera: pose of the camera in the arm's base; camera coordinates are x right, y down, z
    ///   forward.
    package init(chain: KinematicChain, lens: Lens, baseFromCamera: Pose) {
        self.chain = chain
        self.lens = lens
        cameraFromBase = baseFromCamera.inverse
    }

    /// Discs that cover the arm in a picture.
    /// - Parameters:
    ///   - positions: joint angles, radians, one for each joint; an arm with another number of joints covers nothing.
    ///   - width: width of the picture, pixels; it shows what the lens' frames show.
    package func discs(_ positions: JointVector, width: Int) -> [PictureMask.Disc] {
        guard positions.count == chain.count, positions.isFinite else { return [] }
        let size = Double(width) / Double(lens.width)
        let points = chain.points(positions)
        var discs: [PictureMask.Disc] = []
        for (from, to) in zip(points, points.dropFirst()) {
            let count = max(1, Int(((to - from).length / Self.spacing).rounded(.up)))
            for step in 0...count {
                let point = cameraFromBase * (from + (to - from) * (Double(step) / Double(count)))
                guard point.z > Self.nearest else { continue }
                discs.append(
                    .init(
                        centre: [
                            (lens.focalX * point.x / point.z + lens.centreX) * size,
                            (lens.focalY * point.y / point.z + lens.centreY) * size,
                        ], radius: lens.focalX * Self.thickness / point.z * size))
            }
        }
        return discs
    }
}
