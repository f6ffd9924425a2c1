import Images
import Maths
import Messages
import SceneFit
import Time

extension GoalFit {
    /// Compares a goal with what the cameras see.
    /// - Parameters:
    ///   - record: record of how the goal was taken; nil where nobody knows.
    ///   - cameras: names of the cameras that count; nil for all.
    ///   - onArm: names of the cameras that ride on the arm.
    ///   - armViews: views of the arm by camera, for those that know where the arm is in their picture.
    ///   - arm: present angles of the arm's joints, radians; nil where nobody knows.
    ///   - limits: limits of the policy that is given the goal.
    ///   - frames: newest frame of each camera.
    ///   - wall: time of day, for the goal's age.
    package init(
        of goal: Goal, record: GoalRecord?, cameras: Set<String>? = nil, onArm: Set<String> = [],
        armViews: [String: ArmView] = [:], arm: JointVector? = nil, limits: SceneFit.Limits = .usual,
        frames: [String: CameraFrame], wall: WallTime,
        at now: MonotonicTime
    ) {
        let cameras = goal.views.filter { cameras?.contains($0.camera) ?? true }.map { view in
            CameraFit(
                view, record: record?.views.first { $0.camera == view.camera }, age: record.map { wall - $0.recorded },
                ridesOnArm: onArm.contains(view.camera), frame: frames[view.camera],
                mask: PictureMask(
                    armViews[view.camera], then: record?.arm?.jointPositions, now: arm, width: view.image.width),
                limits: limits)
        }
        self.init(
            goalID: goal.id, goalName: goal.name, verdict: cameras.map(\.verdict).max() ?? .unknown, cameras: cameras,
            time: now)
    }
}

extension GoalFit.CameraFit {
    fileprivate init(
        _ goal: Goal.View, record: GoalRecord.View?, age: Double?, ridesOnArm: Bool, frame: CameraFrame?,
        mask: PictureMask,
        limits: SceneFit.Limits
    ) {
        guard let frame else {
            self.init(
                camera: goal.camera, verdict: .unknown,
                reasons: [.init(verdict: .unknown, text: "no frame of camera '\(goal.camera)' has come")])
            return
        }
        let live: RGBImage
        do throws(ImageError) {
            live = try frame.image()
        } catch {
            self.init(
                camera: goal.camera, verdict: .unknown,
                reasons: [.init(verdict: .unknown, text: "a frame of camera '\(goal.camera)' cannot be read")])
            return
        }
        let circumstances = SceneFit.Circumstances(record, age: age, ridesOnArm: ridesOnArm, frame: frame)
        let fit = SceneFit(goal: goal.image, live: live, circumstances, mask: mask, limits: limits)
        self.init(
            camera: goal.camera, verdict: GoalFit.Verdict(fit.verdict),
            reasons: fit.reasons.map { GoalFit.Reason(verdict: GoalFit.Verdict($0.verdict), text: $0.text) },
            shiftX: fit.motion.shift.x, shiftY: fit.motion.shift.y, rotation: fit.motion.rotation,
            scale: fit.motion.scale,
            brightness: fit.brightness, agreement: fit.agreement, overlap: fit.overlap)
    }
}

extension PictureMask {
    /// Hides where the arm was and where it is. Only one of both would hide what the other has moved over.
    fileprivate init(_ view: ArmView?, then: JointVector?, now: JointVector?, width: Int) {
        guard let view, let then, let now else {
            self.init()
            return
        }
        self.init(discs: view.discs(then, width: width) + view.discs(now, width: width))
    }
}

extension SceneFit.Circumstances {
    /// What was known then against what is known now; what one of them does not know is not held against the goal.
    fileprivate init(_ record: GoalRecord.View?, age: Double?, ridesOnArm: Bool, frame: CameraFrame) {
        guard let record else {
            self.init(age: age, ridesOnArm: ridesOnArm)
            return
        }
        let now = Dictionary(frame.settings.map { ($0.name, $0.value) }) { first, _ in first }
        let changed: [String] = record.settings.compactMap { then in
            guard let value = now[then.name], value != then.value else { return nil }
            return "\(then.name) was \(then.value) then, is \(value) now"
        }
        let knowsDevices = !record.deviceID.isEmpty && !frame.deviceID.isEmpty
        // Goals of up to version 0.2.0 have another hash, which is shorter and tells nothing about this one.
        let knowsCalibrations =
            !record.calibrationHash.isEmpty && record.calibrationHash.utf8.count == frame.calibrationHash.utf8.count
        self.init(
            age: age, isSameCamera: knowsDevices ? record.deviceID == frame.deviceID : nil, changedSettings: changed,
            isOtherCalibration: knowsCalibrations ? record.calibrationHash != frame.calibrationHash : nil,
            ridesOnArm: ridesOnArm)
    }
}

extension GoalFit.Verdict {
    fileprivate init(_ verdict: SceneFit.Verdict) {
        self =
            switch verdict {
            case .green: .green
            case .amber: .amber
            case .red: .red
            }
    }
}
