import JSONTree

/// What is known of one camera where it stands: its settings, which part of its picture counts and which way up, its
/// lens and its place. A file in `calibration/cameras`.
package struct CameraCalibration: Equatable, Sendable {
    /// The lens as OpenCV and ROS describe it, for frames as they go out: after crop, flip and rotation.
    package struct Intrinsics: Equatable, Sendable {
        /// Width of the frames that the intrinsics are for, pixels.
        package var width: Int
        /// Height of the frames that the intrinsics are for, pixels.
        package var height: Int
        /// `[3, 3]` row-major: fx 0 cx, 0 fy cy, 0 0 1; pixels.
        package var cameraMatrix: [Double]
        package var model: DistortionModel
        /// Coefficients of the distortion, in the order of the model.
        package var coefficients: [Double]

        package init(width: Int, height: Int, cameraMatrix: [Double], model: DistortionModel, coefficients: [Double]) {
            self.width = width
            self.height = height
            self.cameraMatrix = cameraMatrix
            self.model = model
            self.coefficients = coefficients
        }
    }
    /// Models of a lens' distortion, with the names that ROS and OpenCV give them.
    package enum DistortionModel: String, CaseIterable, Sendable {
        case plumbBob = "plumb_bob"
        case rationalPolynomial = "rational_polynomial"
        case equidistant

        /// Number of coefficients: k1 k2 p1 p2 k3, the same with k4 k5 k6, or k1 k2 k3 k4.
        package var coefficientCount: Int {
            switch self {
            case .plumbBob: 5
            case .rationalPolynomial: 8
            case .equidistant: 4
            }
        }
    }
    /// Maps camera coordinates (x right, y down, z forward) to the arm's base.
    package struct Pose: Equatable, Sendable {
        /// Place of the lens in the arm's base frame, metres.
        package var offset: [Double]
        /// Angles about the fixed axes x, then y, then z, radians.
        package var rollPitchYaw: [Double]

        package init(offset: [Double], rollPitchYaw: [Double]) {
            self.offset = offset
            self.rollPitchYaw = rollPitchYaw
        }
    }

    /// Settings of controls, in the order of the file.
    package var controls: [ControlSetting]
    package var adjustment: FrameAdjustment
    package var intrinsics: Intrinsics?
    package var baseFromCamera: Pose?
    /// SHA-256 of the file, as `sha256sum` prints it; empty: it is from no file.
    package var sha256 = ""

    package init(
        controls: [ControlSetting] = [], adjustment: FrameAdjustment = .init(), intrinsics: Intrinsics? = nil,
        baseFromCamera: Pose? = nil
    ) {
        self.controls = controls
        self.adjustment = adjustment
        self.intrinsics = intrinsics
        self.baseFromCamera = baseFromCamera
    }
}
