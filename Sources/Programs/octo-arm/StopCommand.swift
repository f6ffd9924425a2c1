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

    @OptionGroup var choice: DrivenArmOption

    func run() throws {
        let (arms, ignored) = try ArmSearch.find(choice.folder)
        for reason in ignored { note("warning: not believed: \(reason)") }
        let stop = EmergencyStop(arms)
        for arm in stop.run() { print("\(arm.place): the arm holds: emergency stop") }
        for failure in stop.failures { note("error: \(failure)") }
        if !stop.failures.isEmpty { throw ExitCode.failure }
    }
}

/// Stops several arms at once.
private final class EmergencyStop {
    /// An arm that has said nothing for so long may be about to come back: then it is to hold.
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
        for order in waiting { order.give(.emergencyStop, repeats: true, at: start) }
        var done: [LiveArm] = []
        while !waiting.isEmpty {
            for order in waiting { advance(order, isLate: MonotonicTime.now() - start > Self.latchTime, done: &done) }
        }
        return done
    }

    private func advance(_ order: ArmOrder, isLate: Bool, done: inout [LiveArm]) {
        do {
            try order.advance(until: .now() + Self.turn)
            if isLate, order.state == nil { latch(order.arm) }
            guard Self.isObeyed(order) else { return }
            done.append(order.arm)
        } catch is NodeSilence {
            let time = NodeExchange.patience.inSeconds.decimals(0)
            fail(order.arm, "\(order.state == nil ? "says nothing" : "did not confirm it") within \(time) s")
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
            try ArmLatch.update(folder: arm.folder) { ($0.isEmergencyStop, $0.stoppedBy) = (true, "\(ArmOrder.name)") }
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
