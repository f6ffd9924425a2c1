import Time

/// How well the goal fits what the cameras see at present: the traffic light, and why.
package struct GoalFit: Equatable, Sendable {
    /// Raw values travel on the bus: only add. A higher one is worse.
    package enum Verdict: UInt8, CaseIterable, Comparable, Sendable {
        case green = 1
        case amber = 2
        case red = 3
        /// Nothing to compare yet, or nothing at all: no picture has come, the goal has none.
        case unknown = 4

        package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }
    /// One thing that keeps the fit from being green.
    package struct Reason: Equatable, Sendable {
        package var verdict: Verdict
        /// A sentence without its end: "camera moved 7 px right".
        package var text: String

        package init(verdict: Verdict, text: String) {
            self.verdict = verdict
            self.text = text
        }
    }
    /// How one camera's goal image lies in what it sees.
    package struct CameraFit: Equatable, Sendable {
        package var camera: String
        package var verdict: Verdict
        package var reasons: [Reason]
        /// How far the live picture has moved, pixels of the camera's frames: right and down.
        package var shiftX: Double
        package var shiftY: Double
        /// How far the live picture is turned, radians, clockwise.
        package var rotation: Double
        /// Scale of the live picture: 1 is the same size, more is nearer.
        package var scale: Double
        /// Brightness of the live picture, as a share of the goal's.
        package var brightness: Double
        /// Share of the picture that shows the same, once moved and lit alike.
        package var agreement: Double
        /// Share of the goal that the live picture shows at all.
        package var overlap: Double

        package init(
            camera: String, verdict: Verdict, reasons: [Reason], shiftX: Double = 0, shiftY: Double = 0,
            rotation: Double = 0,
            scale: Double = 1, brightness: Double = 1, agreement: Double = 0, overlap: Double = 0
        ) {
            self.camera = camera
            self.verdict = verdict
            self.reasons = reasons
            self.shiftX = shiftX
            self.shiftY = shiftY
            self.rotation = rotation
            self.scale = scale
            self.brightness = brightness
            self.agreement = agreement
            self.overlap = overlap
        }
    }
    package var goalID: String
    package var goalName: String
    /// The worst of the cameras that have a goal image and were compared.
    package var verdict: Verdict
    /// The fit as each camera sees it, ascending by the camera's name.
    package var cameras: [CameraFit]
    /// Time at which the fit was found.
    package var time: MonotonicTime

    package init(goalID: String, goalName: String, verdict: Verdict, cameras: [CameraFit], time: MonotonicTime) {
        self.goalID = goalID
        self.goalName = goalName
        self.verdict = verdict
        self.cameras = cameras.sorted { $0.camera < $1.camera }
        self.time = time
    }

    /// All reasons, the worst first, each with its camera where there are several.
    package var reasons: [String] {
        let all = cameras.flatMap { camera in camera.reasons.map { (camera: camera.camera, reason: $0) } }
        return all.enumerated().sorted { a, b in
            (b.element.reason.verdict, a.offset) < (a.element.reason.verdict, b.offset)
        }.map { cameras.count > 1 ? "\($0.element.camera): \($0.element.reason.text)" : $0.element.reason.text }
    }
}

extension GoalFit.Verdict: CustomStringConvertible {
    package var description: String {
        switch self {
        case .green: "green"
        case .amber: "amber"
        case .red: "red"
        case .unknown: "unknown"
        }
    }
}
