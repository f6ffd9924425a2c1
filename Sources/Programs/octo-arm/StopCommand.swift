import ArgumentParser
import Manifests
import Messages
import NodeShell
import Teleop
import Time

/// Stops every arm that is driven.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop every arm that you drive, at once: it brakes and holds until it is reset.",
        discussion: """
            Works from every shell of the user who drives the arm, and as root for all users: for runs, and for \
            'octo-arm jog' and 'home' with --manifest. Each arm's own state has to confirm it. A run whose arm process \
            is just being restarted comes back stopped.

            Exit codes: 0 all hold, 1 one did not say so in time (switch its power off), 2 nobody drives an arm.
            """)

    @Option(name: .customLong("run"), help: "Only the arm of this run folder. Without it, all arms.")
    var folder: String?

    func run() throws {
        var arms: [LiveArm] = []
        try reporting {
            let found = try ArmSearch.find(folder)
            arms = found.arms
            for reason in found.ignored { complain("warning: not believed: \(reason)") }
        }
        let stop = EmergencyStop(arms)
        for arm in stop.run() { print("\(arm.place): the arm holds: emergency stop") }
        for failure in stop.failures { complain("error: \(failure)") }
        if !stop.failures.isEmpty { throw NodeExit.failure }
    }
}

/// Stops several arms at once.
private final class EmergencyStop {
    private static let patience = Duration.seconds(3)
    /// How long an arm may say nothing; after that it may be about to come back, and is to hold then.
    private static let latchTime = Duration.milliseconds(500)
    private static let turn = Duration.milliseconds(5)

    private var waiting: [ArmOrder] = []
    /// Whether an arm will hold when its process comes back, once that was tried; by the run's folder.
    private var latched: [String: Bool] = [:]
    /// Failures in words, of the arms that have not confirmed.
    private(set) var failures: [String] = []

    init(_ arms: [LiveArm]) {
        for arm in arms {
            // One that cannot be reached must not keep the others from being stopped.
            do { waiting.append(try ArmOrder(arm)) } catch { fail(arm, "cannot be reached (\(error))") }
        }
    }

    /// Sends the stop until all arms have confirmed it, or the time is over.
    /// - Returns: the arms that have confirmed.
    func run() -> [LiveArm] {
        let start = MonotonicTime.now()
        for order in waiting { order.give(.emergencyStop, by: operatorName, at: start) }
        var done: [LiveArm] = []
        while !waiting.isEmpty, MonotonicTime.now() - start < Self.patience {
            for order in waiting { advance(order, isLate: MonotonicTime.now() - start > Self.latchTime, done: &done) }
        }
        for order in waiting {
            fail(order.arm, "\(order.state == nil ? "says nothing" : "did not confirm it") within \(Self.patience)")
            order.close()
        }
        return done
    }

    private func advance(_ order: ArmOrder, isLate: Bool, done: inout [LiveArm]) {
        do {
            try order.advance(until: .now() + Self.turn, repeats: true)
            if isLate, order.state == nil { latch(order.arm) }
            guard Self.isObeyed(order) else { return }
            done.append(order.arm)
        } catch {
            fail(order.arm, "cannot be reached (\(error))")
        }
        order.close()
        waiting.removeAll { $0 === order }
    }

    /// Whether the arm has stopped. A run that is ending brakes as well, and takes no chunks any more.
    private static func isObeyed(_ order: ArmOrder) -> Bool {
        let reason = order.answer?.holdReason
        return reason == .emergencyStop || reason == .stopping
    }

    /// Writes the stop down for the arm's process, which reads it when it comes back.
    private func latch(_ arm: LiveArm) {
        guard arm.isRun, latched[arm.folder] == nil else { return }
        do {
            try ArmLatch.update(folder: arm.folder) { ($0.isEmergencyStop, $0.stoppedBy) = (true, operatorName) }
            latched[arm.folder] = true
        } catch {
            latched[arm.folder] = false
            failures.append("\(arm.place): \(error)")
        }
    }

    private func fail(_ arm: LiveArm, _ found: String) {
        latch(arm)
        let later =
            latched[arm.folder] == true ? " Should its process come back, the arm holds until 'octo-arm reset'." : ""
        failures.append(
            "sending the emergency stop to \(arm.place): the arm's process \(found), expected its state to confirm at "
                + "once. IF THE ARM MOVES, SWITCH ITS POWER OFF.\(later)")
    }
}
