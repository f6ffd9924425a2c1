import Images
import Messages
import Policy
import Testing
import Time

/// Builds what a policy node hears, at times that the test chooses.
struct PolicyScene {
    static let period = Duration.milliseconds(200)
    var core: PolicyNodeCore

    init(
        window: Int = 2, requiresGoal: Bool = true, cameras: [String] = ["primary"], texts: TaskTextReading = .none,
        fitRules: GoalFitRules = .none, goalUse: GoalUse = .images, optional: Set<String> = []
    ) {
        core = PolicyNodeCore(
            PolicyConfiguration(
                cameras: cameras.map {
                    PolicyCamera(name: $0, width: 4, height: 4, takesGoal: true, isOptional: optional.contains($0))
                },
                windowSize: window, actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5),
                preprocessing: .resize, requiresGoal: requiresGoal, fitRules: fitRules,
                maximumFrameAge: .milliseconds(500), noiseSeed: 7,
                goalUse: goalUse),
            texts: texts)
    }

    func frame(_ value: UInt8, camera: String = "primary", captured: Duration) -> CameraFrame {
        CameraFrame(
            camera: camera, deviceID: "test", sequence: UInt64(value), captureTime: .zero + captured,
            pixels: .rgb8(RGBImage(width: 4, height: 4, filledWith: value)), contentHash: UInt64(value))
    }

    func goal(_ name: String = "goal", camera: String = "primary", value: UInt8 = 200) -> Goal {
        Goal(
            id: name, name: name,
            views: [.init(camera: camera, image: RGBImage(width: 4, height: 4, filledWith: value))], text: nil)
    }

    func fit(
        _ verdict: GoalFit.Verdict, of goal: String = "goal", _ reason: String = "camera moved 7 px right"
    ) -> GoalFit {
        let reasons = verdict == .green ? [] : [GoalFit.Reason(verdict: verdict, text: reason)]
        return GoalFit(
            goalID: goal, goalName: goal, verdict: verdict,
            cameras: [.init(camera: "primary", verdict: verdict, reasons: reasons)],
            time: .zero)
    }

    /// Delivers a frame 5 ms old and runs the tick that is due.
    mutating func step(_ value: UInt8) throws -> PolicyNodeCore.TickResult {
        if let due = core.nextTick {
            core.receive(frame(value, captured: (due - MonotonicTime.zero) - .milliseconds(5)), at: due)
        } else {
            core.receive(frame(value, captured: .milliseconds(5)), at: .zero + .milliseconds(10))
        }
        return core.tick(at: try #require(core.nextTick))
    }
}

func request(in result: PolicyNodeCore.TickResult) -> PolicyNodeCore.Request? {
    if case .observed(_, let request, _) = result { request } else { nil }
}
func observation(in result: PolicyNodeCore.TickResult) -> PolicyObservation? {
    if case .observed(let observation, _, _) = result { observation } else { nil }
}
func event(in result: PolicyNodeCore.TickResult) -> RunEvent? {
    if case .observed(_, _, let event) = result { event } else { nil }
}
struct NetworkFailure: Error {}
