import Manifests
import Messages
import NodeShell
import Time
import Wire

/// A command that was given and not answered yet.
struct WaitingCommand: Sendable {
    enum Kind: Sendable {
        case arm(ArmCommand, ArmAnswer)
        case goal(GoalCommand)
        case episode(EpisodeCommand)
    }
    /// An emergency stop is said again this often: it must not wait for a lost message.
    private static let stopPeriod = Duration.milliseconds(100)
    /// The goal node waits for pictures that stand still before it answers.
    private static let recordPatience = Duration.seconds(12)

    let request: UInt64
    let kind: Kind
    var exchange: NodeExchange
    var wake: MonotonicTime
    /// Time at which it was said first; nil before that.
    var saidTime: MonotonicTime?

    init(_ request: UInt64, _ kind: Kind, at now: MonotonicTime) {
        self.request = request
        self.kind = kind
        wake = now
        exchange =
            switch kind {
            case .arm(let command, let answer):
                NodeExchange(
                    with: Manifest.armNode, on: Topics.armCommand.name, patience: answer.deadline - answer.asked,
                    isLimitedInAll: true,
                    // All else is said once: again, it could undo the stop that somebody asked for meanwhile.
                    repeatPeriod: command.action == .emergencyStop ? Self.stopPeriod : nil, at: now)
            case .goal(let command):
                NodeExchange(
                    with: Manifest.goalNode, on: Topics.goalCommand.name,
                    patience: command.isRecording ? Self.recordPatience : NodeExchange.patience, at: now)
            case .episode:
                NodeExchange(with: Manifest.recorderNode, on: Topics.episodeCommand.name, at: now)
            }
    }

    /// The topic on which it is said.
    var topic: String {
        switch kind {
        case .arm: Topics.armCommand.name
        case .goal: Topics.goalCommand.name
        case .episode: Topics.episodeCommand.name
        }
    }

    var isStop: Bool { if case .arm(let command, _) = kind { command.action == .emergencyStop } else { false } }

    var effect: ConsoleHub.Effect {
        switch kind {
        case .arm(let command, _): .arm(command)
        case .goal(let command): .goal(command)
        case .episode(let command): .episode(command)
        }
    }
}

extension GoalCommand {
    fileprivate var isRecording: Bool { if case .record = action { true } else { false } }
}

extension ConsoleHub {
    /// Says what is due to be said, in the order in which it was asked for, again too, and gives up what has waited
    /// long enough.
    mutating func advanceWaiting(at now: MonotonicTime, isHeard: (String) -> Bool) {
        for var command in waiting {
            while true {
                let step = command.exchange.step(isHeard: isHeard(command.topic), at: now)
                switch step {
                case .say:
                    say(command.effect)
                    command.saidTime = command.saidTime ?? now
                case .wait(let time):
                    command.wake = time
                    if let index = waiting.firstIndex(where: { $0.request == command.request }) {
                        waiting[index] = command
                    }
                case .giveUp(let silence): giveUp(command, silence)
                }
                guard case .say = step else { break }
            }
        }
    }

    private mutating func giveUp(_ command: WaitingCommand, _ silence: NodeSilence) {
        guard case .arm(_, let expected) = command.kind else {
            return answer(command.request, .command(isAccepted: false, "\(silence)", status: 504))
        }
        answer(command.request, .command(isAccepted: false, expected.failure(in: armState), status: 504))
    }

    /// Answers what else was asked of the arm: said after an emergency stop, it could undo it.
    mutating func forgetArmWishes() {
        for command in waiting {
            guard case .arm(let asked, _) = command.kind, asked.action != .emergencyStop else { continue }
            answer(command.request, .command(isAccepted: false, "an emergency stop was asked for after it"))
        }
    }

    /// The arm says how it is, which is its answer; to what was not said yet it is none.
    mutating func settleArm(_ state: ArmState) {
        for command in waiting {
            guard case .arm(_, let expected) = command.kind, let said = command.saidTime, state.measured.time > said,
                let words = expected.success(in: state)
            else { continue }
            answer(command.request, .command(isAccepted: true, words))
        }
    }

    mutating func settle(_ result: GoalResult) {
        for command in waiting {
            guard case .goal(let asked) = command.kind, result.answers(asked) else { continue }
            if driver?.taking?.request == command.request { driver?.receive(result) }
            answer(command.request, .command(isAccepted: result.isAccepted, result.message))
        }
    }

    mutating func settle(_ result: EpisodeResult) {
        for command in waiting {
            guard case .episode(let asked) = command.kind, result.answers(asked) else { continue }
            answer(command.request, .command(isAccepted: result.isAccepted, result.message))
        }
    }
}
