import Manifests
import Time

extension ArmControllerConfiguration {
    /// The configuration that the manifest asks for.
    package init(_ section: Manifest.Arm, policyRate: Rate) {
        let strategy: ChunkStrategy =
            switch section.strategy {
            case .recedingHorizon: .recedingHorizon(executionHorizon: section.executionHorizon)
            case .temporalEnsemble:
                .temporalEnsemble(weight: section.ensembleWeight, size: section.ensembleSize)
            case .asynchronous: .asynchronous(executionHorizon: section.executionHorizon, blend: section.blend)
            }
        let gripper: GripperRule =
            switch section.gripper.mode {
            case .absolute: .absolute
            case .binary: .binary(threshold: section.gripper.threshold)
            case .sticky: .sticky(threshold: section.gripper.threshold, steps: section.gripper.stickySteps)
            }
        self.init(
            rate: section.controlRate, strategy: strategy, gripper: gripper, watchdog: section.watchdog,
            startMargin: .nanoseconds(policyRate.periodNanoseconds / 4), servoLimits: ServoLimits(section.servoLimits),
            deadManTimeout: section.deadManTimeout,
            emergencyStop: section.emergencyStop == .torqueOff ? .torqueOff : .hold)
    }
}

extension ServoLimits {
    fileprivate init(_ section: Manifest.Arm.ServoLimits) {
        self.init(
            stallError: section.stallError, stallLoad: section.stallLoad, stallTime: section.stallTime,
            overloadLoad: section.overloadLoad, overloadTime: section.overloadTime, temperature: section.temperature)
    }
}
